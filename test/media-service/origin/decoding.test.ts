import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createFile, MP4BoxBuffer, type Movie, type Sample } from 'mp4box';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFfmpeg } from '../../../src/media-service/encoder/find-ffmpeg.ts';
import { FolderContent } from './folder-content.ts';
import { below, helloFolder, startOrigin, type OriginServer } from './origin-server.ts';

const run = promisify(execFile);
const found = await findFfmpeg({
  ffmpegPath: undefined,
  ffprobePath: undefined,
  searchPath: process.env['PATH'],
});
// The packaged one of 2018 cannot read DASH.
const noFfmpeg = found.ffmpegFrom === 'PATH' ? undefined : 'no ffmpeg is on PATH';
if (noFfmpeg !== undefined && process.env['CI'] === 'true') throw new Error(`CI needs one: ${noFfmpeg}`);

let server: OriginServer;
beforeAll(async () => {
  server = await startOrigin(new FolderContent(helloFolder), { publicationFreshness: 60_000 });
});
afterAll(() => server.close());

/** Of `sample/movie-hello.mp4`: 8.3 s at 30 frames a second. */
const pictures = 249;

describe.skipIf(noFfmpeg)(`ffmpeg${noFfmpeg ? ` (${noFfmpeg})` : ''}`, () => {
  it.each(['m3u8-cmaf', 'mpd-time-cmaf', 'mpd-time-csf'])(
    'decodes %s whole and without a word',
    async (format) => {
      const url = `${server.url}${below(`hello.ism/manifest(format=${format})`)}`;
      const { stderr, stdout } = await run(found.ffmpeg, [
        ...['-nostdin', '-v', 'warning', '-progress', 'pipe:1', '-i', url],
        ...['-map', '0:v', '-map', '0:a', '-f', 'null', '-'],
      ]);
      expect(stderr).toBe('');
      expect(Number([...stdout.matchAll(/^frame=(\d+)/gm)].at(-1)?.[1])).toBe(pictures);
    },
  );

  it('finds the same streams in HLS and DASH', async () => {
    const streams = async (format: string): Promise<unknown> => {
      const url = `${server.url}${below(`hello.ism/manifest(format=${format})`)}`;
      const entries = 'stream=codec_name,width,height,sample_rate,channels,avg_frame_rate';
      const { stdout } = await run(found.ffprobe, [
        '-v',
        'error',
        '-show_entries',
        entries,
        '-of',
        'json',
        url,
      ]);
      const { streams: list } = JSON.parse(stdout) as { streams: { width?: number }[] };
      return list.toSorted((left, right) => (left.width ?? 0) - (right.width ?? 0));
    };
    const dash = await streams('mpd-time-cmaf');
    expect(dash).toMatchObject([
      { codec_name: 'aac', sample_rate: '48000', channels: 2 },
      { codec_name: 'h264', width: 320, height: 180, avg_frame_rate: '30/1' },
      { codec_name: 'h264', width: 480, height: 270 },
      { codec_name: 'h264', width: 640, height: 360 },
    ]);
    expect(await streams('m3u8-cmaf')).toEqual(dash);
  });
});

describe('an independent reader of MP4', () => {
  const load = (pieces: readonly Buffer[]): { movie: Movie; samples: Sample[] } => {
    const file = createFile();
    const samples: Sample[] = [];
    let movie: Movie | undefined;
    file.onReady = (info) => {
      movie = info;
      for (const { id } of info.tracks) file.setExtractionOptions(id, undefined, { nbSamples: 1 });
      file.start();
    };
    file.onSamples = (_id, _user, more) => samples.push(...more);
    file.onError = (_module, message) => expect.fail(message);
    let position = 0;
    for (const piece of pieces) {
      const bytes = Uint8Array.from(piece).buffer;
      file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(bytes, position));
      position += piece.length;
    }
    file.flush();
    if (movie === undefined) throw new Error('No moov was found.');
    return { movie, samples };
  };

  it.each([
    ['video', 960_000, 'avc1.64001e', pictures],
    ['video', 320_000, 'avc1.64000d', pictures],
    ['audio', 128_000, 'mp4a.40.2', 390],
  ])('reads %s at %i as the playlist says', async (stream, bitrate, codec, count) => {
    const playlist = below(`hello.ism/QualityLevels(${bitrate})/Manifest(${stream},format=m3u8-cmaf)`);
    const text = (await server.get(playlist)).body.toString();
    const urls = [...text.matchAll(/URI="([^"]+)"|^([^#\n]+)$/gm)].map((match) => match[1] ?? match[2]!);
    const durations = [...text.matchAll(/#EXTINF:([\d.]+)/g)].map((match) => Number(match[1]));
    const pieces = await Promise.all(
      urls.map(async (url) => (await server.get(new URL(url, server.url + playlist).pathname)).body),
    );
    const { movie, samples } = load(pieces);
    expect(movie.isFragmented).toBe(true);
    expect(movie.tracks.map((track) => track.codec)).toEqual([codec]);
    expect(Math.abs(samples.length - count)).toBeLessThanOrEqual(stream === 'audio' ? 2 : 0);
    const seconds = samples.reduce((sum, { duration, timescale }) => sum + duration / timescale, 0);
    expect(seconds).toBeCloseTo(
      durations.reduce((sum, duration) => sum + duration, 0),
      3,
    );
    // Each segment starts with a key frame, at the time that the playlist gives it.
    let start = 0;
    for (const duration of durations) {
      const first = samples.find(({ cts, timescale }) => Math.abs(cts / timescale - start) < 0.0005);
      expect(first?.is_sync, `at ${start} s`).toBe(true);
      start += duration;
    }
  });
});

describe('shaka-packager as the oracle', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'origin-oracle-'));
    const program = join(
      createRequire(import.meta.url).resolve('shaka-packager/package.json'),
      `../bin/packager-linux-${process.arch}`,
    );
    const source = (file: string, stream: string, name: string): string =>
      `in=${resolve(helloFolder, file)},stream=${stream},init_segment=${name}/i.mp4,segment_template=${name}/$Number$.m4s,playlist_name=${name}.m3u8`;
    await run(
      program,
      [
        source('hello_640x360_960.cmfv', 'video', '960000'),
        source('hello_320x180_320.cmfv', 'video', '320000'),
        `${source('hello_aac_128.cmfa', 'audio', 'audio')},hls_group_id=audio`,
        ...['--segment_duration', '2', '--hls_master_playlist_output', 'master.m3u8'],
      ],
      { cwd: folder },
    );
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const variants = (master: string): Map<string, Record<string, string>> =>
    new Map(
      [...master.matchAll(/#EXT-X-STREAM-INF:(.*)\n/g)].map(([, list = '']) => {
        const attributes = Object.fromEntries(
          [...list.matchAll(/([A-Z-]+)=("[^"]*"|[^,]*)/g)].map(([, name = '', value = '']) => [name, value]),
        );
        return [attributes['RESOLUTION'] ?? '', attributes];
      }),
    );

  it.each(['960000', '320000'])('agrees on the times of the video at %s', async (bitrate) => {
    const durations = (text: string): readonly number[] =>
      [...text.matchAll(/#EXTINF:([\d.]+)/g)].map((match) => Number(match[1]));
    const expected = durations(await readFile(join(folder, `${bitrate}.m3u8`), 'utf8'));
    const path = below(`hello.ism/QualityLevels(${bitrate})/Manifest(video,format=m3u8-cmaf)`);
    const ours = durations((await server.get(path)).body.toString());
    expect(ours).toHaveLength(expected.length);
    ours.forEach((duration, at) => expect(duration).toBeCloseTo(expected[at]!, 3));
  });

  it('agrees on codecs, sizes, frame rates and, but for its own boxes, bandwidths', async () => {
    const expected = variants(await readFile(join(folder, 'master.m3u8'), 'utf8'));
    const master = (await server.get(below('hello.ism/manifest(format=m3u8-cmaf)'))).body.toString();
    const ours = variants(master);
    for (const [resolution, oracle] of expected) {
      const variant = ours.get(resolution)!;
      for (const name of ['CODECS', 'RESOLUTION', 'FRAME-RATE']) expect(variant[name]).toBe(oracle[name]);
      const ratio = (name: string): number => Number(variant[name]) / Number(oracle[name]);
      expect(ratio('AVERAGE-BANDWIDTH')).toBeCloseTo(1, 1.7);
      // It looks at single segments only; the standard at every run of 0.5 to 1.5 target durations, which may be more.
      expect(ratio('BANDWIDTH')).toBeGreaterThan(0.98);
      expect(ratio('BANDWIDTH')).toBeLessThan(1.06);
    }
    expect(expected.size).toBe(2);
  });
});
