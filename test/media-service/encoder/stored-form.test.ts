import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  decodeErrors,
  packagedFfmpeg,
  shakaPackager,
  startEncoderKit,
  systemFfmpeg,
  type Encoded,
  type EncoderKit,
} from './encoder-kit.ts';

const run = promisify(execFile);

/** A track's file as npm mp4box reads it. */
async function readTrack(file: string) {
  const bytes = await readFile(file);
  const movie = createFile();
  movie.appendBuffer(MP4BoxBuffer.fromArrayBuffer(new Uint8Array(bytes).buffer, 0), true);
  const [sidx] = movie.getBoxes('sidx', true);
  if (sidx === undefined) throw new Error(`${file} has no index.`);
  return {
    bytes,
    movie,
    sidx,
    boxes: movie.boxes.map(({ type, start = 0, size }) => ({ type, start, size })),
  };
}

const builds = [
  ['the ffmpeg of this machine', systemFfmpeg],
  ['the packaged ffmpeg', packagedFfmpeg],
] as const;

describe.each(builds)('the stored form, made with %s', (_, findBuild) => {
  let kit: EncoderKit;
  let encoded: Encoded;

  beforeAll(async () => {
    kit = await startEncoderKit(await findBuild());
    kit.start();
    // 29.97 frames a second: no key frame falls on a whole second.
    const file = await kit.make(
      'clip.mp4',
      ...['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=30000/1001:duration=7'],
      ...['-f', 'lavfi', '-i', 'sine=duration=7'],
      ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'],
    );
    encoded = await kit.encode(file);
  });
  afterAll(() => kit.close());

  const tracks = (): string[] => [...encoded.videos, encoded.audio!];

  test('is one CMAF track a file: header, index, then fragments only', async () => {
    for (const file of tracks()) {
      const { movie, boxes, bytes } = await readTrack(file);
      expect(boxes.slice(0, 3).map(({ type }) => type)).toEqual(['ftyp', 'moov', 'sidx']);
      const rest = boxes.slice(3).map(({ type }) => type);
      expect(rest).toEqual(rest.map((__, index) => (index % 2 === 0 ? 'moof' : 'mdat')));
      expect(boxes.reduce((sum, { size }) => sum + size, 0)).toBe(bytes.length);
      expect(movie.ftyp.major_brand).toBe('cmfc');
      expect(movie.getInfo().tracks).toHaveLength(1);
      expect(movie.getBoxes('elst', false)).toEqual([]);
      expect(movie.getInfo().tracks[0]!.timescale).toBe(file.endsWith('.cmfv') ? 90_000 : 48_000);
    }
  });

  test('has an index that tells every fragment as it is', async () => {
    for (const file of tracks()) {
      const { movie, sidx, boxes } = await readTrack(file);
      const fragments = boxes.slice(3).filter(({ type }) => type === 'moof');
      const first = boxes[2]!.start + boxes[2]!.size + sidx.first_offset;
      expect(first).toBe(fragments[0]!.start);
      expect(sidx.earliest_presentation_time).toBe(0);
      expect(sidx.references).toHaveLength(fragments.length);
      const moofs = movie.getBoxes('moof', false);
      let position = first;
      let time = 0;
      sidx.references.forEach((reference, index) => {
        const { tfdt, truns, tfhd } = moofs[index]!.trafs[0]!;
        const trun = truns[0]!;
        expect(position).toBe(fragments[index]!.start);
        expect(tfdt.baseMediaDecodeTime).toBe(time);
        expect(trun.version).toBe(1);
        const durations = Array.from(
          { length: trun.sample_count },
          (__, sample) => trun.sample_duration[sample] ?? tfhd.default_sample_duration,
        );
        expect(durations.reduce((sum, duration) => sum + duration, 0)).toBe(reference.subsegment_duration);
        expect(reference).toMatchObject({
          reference_type: 0,
          starts_with_SAP: 1,
          SAP_type: 1,
          SAP_delta_time: 0,
        });
        // The first sample is a key frame, and none is presented before it.
        const firstFlags = trun.sample_flags[0] ?? trun.first_sample_flags;
        expect(firstFlags & 0x10000).toBe(0);
        const times: number[] = [];
        durations.reduce((decode, duration, sample) => {
          times.push(decode + (trun.sample_composition_time_offset[sample] ?? 0));
          return decode + duration;
        }, time);
        expect(Math.min(...times)).toBe(time);
        expect(times[0]).toBe(time);
        position += reference.referenced_size;
        time += reference.subsegment_duration;
      });
    }
  });

  test('has its key frames at the same times in every rendition, two seconds apart', async () => {
    const [best, ...others] = await Promise.all(encoded.videos.map((file) => readTrack(file)));
    const durations = ({ sidx }: Awaited<ReturnType<typeof readTrack>>): number[] =>
      sidx.references.map(({ subsegment_duration: duration }) => duration);
    expect(others.length).toBeGreaterThanOrEqual(2);
    for (const other of others) expect(durations(other)).toEqual(durations(best!));
    // 60 frames of 3003 ticks.
    expect(durations(best!).slice(0, -1)).toEqual([180_180, 180_180, 180_180]);
  });

  test('is read by shaka-packager with the same segments, and decodes without a complaint', async (context) => {
    for (const file of tracks()) expect(await decodeErrors(file)).toBe('');
    const packager = shakaPackager();
    const runs =
      packager !== undefined &&
      (await access(packager).then(
        () => true,
        () => false,
      ));
    if (packager === undefined || !runs) {
      if (process.env['CI'] === 'true') throw new Error('shaka-packager is not installed.');
      context.skip('shaka-packager is not installed');
      return;
    }
    const [video] = encoded.videos;
    const folder = kit.folder;
    await run(packager, [
      `in=${video},stream=video,output=${join(folder, 'v.mp4')},playlist_name=v.m3u8`,
      `in=${encoded.audio},stream=audio,output=${join(folder, 'a.mp4')},playlist_name=a.m3u8`,
      ...['--segment_duration', '2', '--hls_master_playlist_output', join(folder, 'master.m3u8')],
    ]);
    const playlist = await readFile(join(folder, 'v.m3u8'), 'utf8');
    const told = [...playlist.matchAll(/#EXTINF:([\d.]+)/g)].map(([, seconds]) => Number(seconds));
    const { sidx } = await readTrack(video!);
    expect(told).toEqual(
      sidx.references.map(({ subsegment_duration: ticks }) => Number((ticks / 90_000).toFixed(3))),
    );
  });

  test('lists every track in the .ism, with at least the bitrates of the names', async () => {
    const name = encoded.names.find((file) => file.endsWith('.ism'))!;
    expect(name).toBe('clip.ism');
    const manifest = (await encoded.job.output.getBlobClient(name).downloadToBuffer()).toString('utf8');
    const listed = [...manifest.matchAll(/<(?:video|audio) src="([^"]+)" systemBitrate="(\d+)"/g)];
    expect(listed.map(([, src]) => src).sort()).toEqual(encoded.names.filter((file) => file !== name).sort());
    for (const [, src, bitrate] of listed) {
      const planned = Number(/_(\d+)\.cmf[va]$/.exec(src!)![1]) * 1000;
      expect(Number(bitrate)).toBeGreaterThanOrEqual(planned);
      expect(Number(bitrate)).toBeLessThan(planned * 1.5);
    }
  });
});
