import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  averageBitrate,
  minimumBuffer,
  targetDuration,
} from '../../../src/media-service/packager/bandwidth.ts';
import { segmentCount } from '../../../src/media-service/packager/segment-index.ts';
import { readStoredTrack } from '../../../src/media-service/packager/stored-track.ts';
import {
  brightness,
  decodeErrors,
  framePixels,
  packagedFfmpeg,
  packetDurations,
  probeTrack,
  sound,
  startEncoderKit,
  systemFfmpeg,
  type EncoderKit,
} from './encoder-kit.ts';

/** The packaged build (2018) gets a sample: where its filters, muxer or time stamps could differ. */
const builds = [
  ['the ffmpeg of this machine', systemFfmpeg, true],
  ['the packaged ffmpeg', packagedFfmpeg, false],
] as const;

describe.each(builds)('inputs as they come, with %s', (_, findBuild, everything) => {
  let kit: EncoderKit;

  beforeAll(async () => {
    kit = await startEncoderKit(await findBuild());
    kit.start();
  });
  afterAll(() => kit.close());

  const picture = (size: string, rate: number | string, seconds: number): string[] => [
    ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`],
  ];
  const tone = (seconds: number): string[] => ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`];
  const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

  /** Sets a track's display matrix as a phone held upright does: a quarter to the right (ISO/IEC 14496-12, 8.3.2). */
  const turnRight = async (file: string): Promise<void> => {
    const bytes = await readFile(file);
    const matrix = bytes.indexOf('tkhd') + 4 + 40;
    [0, 1, 0, -1, 0, 0].forEach((value, index) => bytes.writeInt32BE(value * 65_536, matrix + index * 4));
    await writeFile(file, bytes);
  };

  /** Quadrants red, green / blue, white: which way up a picture is. */
  const compass = (width: number, height: number): string[] => [
    ...['-f', 'lavfi', '-i', `color=red:size=${width}x${height}:rate=25:duration=1`],
    '-vf',
    [
      `drawbox=x=${width / 2}:y=0:w=${width / 2}:h=${height / 2}:color=lime:t=fill`,
      `drawbox=x=0:y=${height / 2}:w=${width / 2}:h=${height / 2}:color=blue:t=fill`,
      `drawbox=x=${width / 2}:y=${height / 2}:w=${width / 2}:h=${height / 2}:color=white:t=fill`,
    ].join(','),
  ];
  const quadrants = async (file: string): Promise<string[]> => {
    const pixels = await framePixels(file, 5, { width: 16, height: 16 });
    return [
      [3, 3],
      [12, 3],
      [3, 12],
      [12, 12],
    ].map(([x = 0, y = 0]) => {
      const offset = (y * 16 + x) * 3;
      const [red, green, blue] = [...pixels.subarray(offset, offset + 3)].map((value) => value > 128);
      return red && green && blue ? 'white' : red ? 'red' : green ? 'green' : blue ? 'blue' : 'black';
    });
  };

  test('a phone video turned by its display matrix comes out upright, without a matrix', async () => {
    const turned = await kit.make('turned.mp4', ...compass(640, 360), ...h264);
    await turnRight(turned);
    const { videos } = await kit.encode(turned);
    const track = await probeTrack(videos[0]!);
    expect(track).toMatchObject({ width: 360, height: 640, rotated: false });
    expect(await quadrants(videos[0]!)).toEqual(['blue', 'red', 'white', 'green']);
  });

  test('an interlaced picture is made progressive, without a comb', async () => {
    const file = await kit.make(
      'interlaced.mp4',
      // A bar that moves 16 pixels a field: every other line of a woven frame shows it elsewhere.
      ...['-f', 'lavfi', '-i', 'color=black:size=320x240:rate=50:duration=1'],
      '-filter_complex',
      "color=white:size=16x240:rate=50:duration=1[bar];[0][bar]overlay=x='mod(n*16,304)':y=0,interlace,fieldorder=tff",
      ...[
        '-c:v',
        'libx264',
        '-flags',
        '+ildct+ilme',
        '-x264-params',
        'tff=1',
        '-qp',
        '5',
        '-pix_fmt',
        'yuv420p',
      ],
    );
    const { videos } = await kit.encode(file);
    const pixels = await framePixels(videos[0]!, 12, { width: 320, height: 240 });
    let combed = 0;
    for (let y = 100; y < 140; y++) {
      for (let x = 0; x < 320; x++) {
        const at = (row: number): number => pixels[(row * 320 + x) * 3]!;
        if (Math.abs(at(y) - at(y + 1)) > 128 && Math.abs(at(y + 1) - at(y + 2)) > 128) combed++;
      }
    }
    expect(combed).toBe(0);
  });

  test('WebM with its time base of a millisecond, VP8 and Vorbis', async () => {
    const file = await kit.make(
      'clip.webm',
      ...picture('320x180', 30, 2),
      ...tone(2),
      ...['-c:v', 'libvpx', '-deadline', 'realtime', '-b:v', '1M', '-c:a', 'libvorbis'],
    );
    const { videos, audio } = await kit.encode(file);
    expect(await probeTrack(videos[0]!)).toMatchObject({ frameRate: '30/1', packets: 60 });
    expect((await probeTrack(audio!)).duration).toBeCloseTo(2, 1);
  });

  test('a variable frame rate keeps every moment at its time', async () => {
    // Ten frames a second for a second, then sixty; the flash is at 1.5 s.
    const file = await kit.make(
      'variable.mkv',
      ...['-f', 'lavfi', '-i', 'color=black:size=160x90:rate=60:duration=3'],
      ...['-vf', "drawbox=color=white:t=fill:enable='between(t,1.5,1.6)',select='gt(t,1)+not(mod(n,6))'"],
      ...['-fps_mode', 'vfr', ...h264],
    );
    const { videos } = await kit.encode(file);
    const track = await probeTrack(videos[0]!);
    const frames = await brightness(videos[0]!);
    const [numerator = 0, denominator = 1] = track.frameRate.split('/').map(Number);
    const flash = frames.findIndex((value) => value > 128) / (numerator / denominator);
    expect(flash).toBeGreaterThan(1.45);
    expect(flash).toBeLessThan(1.55);
    expect(track.duration).toBeCloseTo(3, 0);
  });

  test('a single frame', async () => {
    const file = await kit.make('one.mp4', ...picture('160x90', 25, 1), '-frames:v', '1', ...h264);
    const { outcome, videos } = await kit.encode(file);
    expect(outcome.state).toBe('finished');
    const track = await probeTrack(videos[0]!);
    expect(track.packets).toBe(1);
    expect(track.duration).toBeGreaterThan(0.03);
  });

  test('a high dynamic range is mapped to an ordinary one', async () => {
    const file = await kit.make(
      'hdr.mp4',
      ...['-f', 'lavfi', '-i', 'color=0x808080:size=160x90:rate=25:duration=1'],
      ...['-vf', 'format=yuv420p10le', '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params'],
      'log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc',
    );
    const { videos } = await kit.encode(file);
    expect((await probeTrack(videos[0]!)).transfer).toBe('bt709');
    // Half of the PQ scale is some 100 nits, the white of an ordinary picture; unmapped it would stay at 128.
    const [first = 0] = await brightness(videos[0]!);
    expect(first).toBeGreaterThan(140);
  });

  test.each([
    ['of a phone (P3)', 'smpte432:bt709:bt709', ['smpte432', 'bt709', 'bt709']],
    ['that nobody names', '', ['smpte170m', 'smpte170m', 'smpte170m']],
  ])('colours %s are named in the output', async (name, named, expected) => {
    const [primaries = '', transfer = '', matrix = ''] = named.split(':');
    const labels = `colorprim=${primaries}:transfer=${transfer}:colormatrix=${matrix}`;
    const file = await kit.make(
      `colours ${name}.mp4`,
      ...picture('160x90', 25, 0.2),
      ...h264,
      ...(named === '' ? [] : ['-x264-params', labels]),
    );
    const { videos } = await kit.encode(file);
    const { primaries: p, transfer: t, matrix: m } = await probeTrack(videos[0]!);
    expect([p, t, m]).toEqual(expected);
  });

  test.each([
    ['together', 'mp4', 0, 0],
    ['with the sound late, in MP4', 'mp4', 0, 0.48],
    ['with the sound late, in Matroska', 'mkv', 0, 0.48],
    ['with the picture late', 'mp4', 0.52, 0],
  ])('flash and beep stay together %s', async (_name, extension, pictureLate, soundLate) => {
    const file = await kit.make(
      `sync-${pictureLate}-${soundLate}.${extension}`,
      ...['-itsoffset', String(pictureLate)],
      ...['-f', 'lavfi', '-i', `color=black:size=160x90:rate=25:duration=${3 - pictureLate}`],
      ...['-itsoffset', String(soundLate)],
      ...['-f', 'lavfi', '-i', `sine=frequency=1000:duration=${3 - soundLate}`],
      ...['-vf', "drawbox=color=white:t=fill:enable='between(t,2,2.2)'"],
      ...['-af', "volume=0:enable='not(between(t,2,2.2))'"],
      ...[...h264, '-c:a', 'aac'],
    );
    const { videos, audio } = await kit.encode(file);
    const flash = (await brightness(videos[0]!)).findIndex((value) => value > 128) / 25;
    const heard = (await sound(audio!)).findIndex((sample) => Math.abs(sample) > 800) / 48_000;
    expect(Math.abs(flash - 2)).toBeLessThan(0.041);
    expect(Math.abs(heard - flash)).toBeLessThan(0.04);
  });

  // The packaged ffprobe crashes on MPEG-TS.
  test.each(['mp4', 'flv', ...(everything ? ['ts'] : [])])(
    'sound that ends early goes on in silence: %s',
    async (extension) => {
      const parts = [...picture('160x90', 25, 4), ...tone(1), '-ar', '44100', ...h264, '-c:a', 'aac'];
      const { audio, outcome } = await kit.encode(await kit.make(`early.${extension}`, ...parts));
      expect(outcome.state).toBe('finished');
      expect(await decodeErrors(audio!)).toBe('');
      const samples = await sound(audio!);
      expect(samples.length / 48_000).toBeCloseTo(4, 1);
      const last = samples.findLastIndex((sample) => Math.abs(sample) > 300) / 48_000;
      expect(last).toBeCloseTo(1, 1);
    },
  );

  test.each([
    ['mp4', 1],
    ['mkv', 0.04],
  ])('a picture that ends early stays as long as the sound: %s of %d s', async (extension, seconds) => {
    const parts = [...picture('160x90', 25, seconds), ...tone(4), ...h264, '-c:a', 'aac'];
    const { outcome, videos } = await kit.encode(await kit.make(`still.${extension}`, ...parts));
    expect(outcome.state).toBe('finished');
    expect(Math.abs((await probeTrack(videos[0]!)).duration - 4)).toBeLessThan(0.2);
    expect(await decodeErrors(videos[0]!)).toBe('');
  });

  test('a Matroska file whose times do not begin at 0 is not cut off', async () => {
    const parts = [...['-itsoffset', '5'], ...picture('160x90', 25, 2), ...['-itsoffset', '5'], ...tone(2)];
    const { outcome, videos, audio } = await kit.encode(
      await kit.make('cut.mkv', ...parts, ...h264, '-c:a', 'aac'),
    );
    expect(outcome.state).toBe('finished');
    expect((await probeTrack(videos[0]!)).duration).toBeCloseTo(2, 0);
    expect((await probeTrack(audio!)).duration).toBeCloseTo(2, 0);
  });

  test('a sound track without any sound is silence', async () => {
    const parts = [...picture('160x90', 25, 2), ...tone(1), '-af', 'aselect=0', ...h264, '-c:a', 'aac'];
    const file = await kit.make('empty.mp4', ...parts, '-movflags', '+empty_moov+frag_keyframe');
    const { outcome, audio } = await kit.encode(file);
    expect(outcome.state).toBe('finished');
    expect((await probeTrack(audio!)).duration).toBeCloseTo(2, 1);
  });

  if (everything) {
    test.each([
      ['portrait', '360x640', ['360x640', '270x480', '180x320']],
      ['wide', '640x268', ['640x268', '480x202', '320x134']],
      ['odd', '427x241', ['426x240', '320x180']],
      ['tiny', '100x56', ['100x56']],
      ['narrow', '64x400', ['64x400', '52x320']],
    ])('%s pictures keep their shape', async (shape, size, expected) => {
      const pixels = shape === 'odd' ? ['-c:v', 'libx264', '-pix_fmt', 'yuv444p'] : h264;
      const file = await kit.make(
        `${shape}.mp4`,
        ...picture(size, 25, 1),
        ...pixels,
        '-b:v',
        '3M',
        '-qp',
        '5',
      );
      const { videos } = await kit.encode(file);
      const sizes = await Promise.all(videos.map((video) => probeTrack(video)));
      expect(sizes.map(({ width, height }) => `${width}x${height}`)).toEqual(expected);
      for (const video of videos) expect(await decodeErrors(video)).toBe('');
    });

    test('pixels that are not square become square', async () => {
      const file = await kit.make(
        'anamorphic.mp4',
        ...picture('360x288', 25, 1),
        ...h264,
        '-vf',
        'setsar=16/11',
      );
      const { videos } = await kit.encode(file);
      expect(await probeTrack(videos[0]!)).toMatchObject({ width: 524, height: 288, pixelAspect: '1:1' });
    });

    test.each([
      ['23.976', '24000/1001', '24000/1001', 48],
      ['29.97', '30000/1001', '30000/1001', 60],
      ['59.94', '60000/1001', '60000/1001', 120],
      ['50', '50', '50/1', 100],
      ['120', '120', '60/1', 120],
      ['5', '5', '10/1', 20],
    ])('%s frames a second', async (_name, rate, expected, frames) => {
      const file = await kit.make(
        `rate-${rate.replace('/', '-')}.mp4`,
        ...picture('128x72', rate, 2.0),
        ...h264,
      );
      const { videos } = await kit.encode(file);
      const track = await probeTrack(videos[0]!);
      expect(track.frameRate).toBe(expected);
      expect(Math.abs(track.packets - frames)).toBeLessThanOrEqual(2);
      // Exact: every picture lasts as long as the others.
      expect(await packetDurations(videos[0]!)).toHaveLength(1);
    });

    test.each([
      ['mov', ['-c:v', 'mpeg4', '-q:v', '3', '-c:a', 'pcm_s16le']],
      ['mkv', ['-c:v', 'libx264', '-preset', 'ultrafast', '-c:a', 'ac3']],
      ['ts', ['-c:v', 'mpeg2video', '-q:v', '4', '-c:a', 'mp2']],
      ['avi', ['-c:v', 'mpeg4', '-q:v', '3', '-c:a', 'libmp3lame']],
    ])('%s', async (extension, codecs) => {
      const file = await kit.make(
        `container.${extension}`,
        ...picture('320x180', 25, 2),
        ...tone(2),
        ...codecs,
      );
      const { outcome, videos, audio } = await kit.encode(file);
      expect(outcome.state).toBe('finished');
      expect(Math.abs((await probeTrack(videos[0]!)).packets - 50)).toBeLessThanOrEqual(1);
      expect((await probeTrack(audio!)).channels).toBe(2);
    });

    test.each([
      ['mono', 'mono', 'A', 0.5],
      ['stereo', 'stereo', 'A|A', 0.5],
      ['the centre of 5.1', '5.1', '0|0|A|0|0|0', 0.354],
      ['the left and right of 5.1', '5.1', 'A|A|0|0|0|0', 0.5],
      ['5.1 with everything at once', '5.1', '2*A|2*A|2*A|0|2*A|2*A', 0.97],
    ])('%s keeps its level in stereo', async (name, layout, channels, level) => {
      const sounds = channels.replaceAll('A', '0.5*sin(2*PI*1000*t)');
      const file = await kit.make(
        `${name}.mkv`,
        ...picture('160x90', 25, 1),
        ...['-f', 'lavfi', '-i', `aevalsrc=${sounds}:c=${layout}:s=44100:d=1`],
        ...[...h264, '-c:a', 'pcm_s16le'],
      );
      const { audio } = await kit.encode(file);
      expect((await probeTrack(audio!)).channels).toBe(2);
      // In the middle: a filter that fades in is none of this test's business.
      const middle = (await sound(audio!)).subarray(12_000, 36_000);
      const loudest = middle.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) / 32_768;
      expect(loudest).toBeGreaterThan(level * 0.95);
      expect(loudest).toBeLessThan(Math.min(level * 1.05, 0.999));
    });

    test('a broadcast whose picture and sound change their form in the middle', async () => {
      const part = async (name: string, size: string, channels: string, at: string): Promise<Buffer> => {
        const codecs = [...h264, '-c:a', 'ac3', '-ac', channels, '-output_ts_offset', at];
        return readFile(await kit.make(name, ...picture(size, 25, 2), ...tone(2), ...codecs));
      };
      const file = join(kit.folder, 'changes.ts');
      await writeFile(
        file,
        Buffer.concat([
          await part('first.ts', '320x180', '2', '0'),
          await part('second.ts', '320x180', '6', '2'),
          await part('third.ts', '160x90', '1', '4'),
        ]),
      );
      const { videos, audio } = await kit.encode(file);
      expect((await probeTrack(videos[0]!)).packets).toBe(150);
      const samples = await sound(audio!);
      expect(samples.length / 48_000).toBeCloseTo(6, 1);
      // It is to be heard all the time.
      for (let at = 0; at + 12_000 < samples.length; at += 12_000) {
        expect(samples.subarray(at, at + 12_000).some((sample) => Math.abs(sample) > 1000)).toBe(true);
      }
    });

    test('still pictures, then moving ones, and a little at the end: segments and bitrates are as a player needs them', async () => {
      const file = await kit.make(
        'lecture.mp4',
        ...[...picture('320x180', 25, 10.04), ...tone(10.1)],
        ...['-vf', "noise=alls=40:allf=t,drawbox=color=black:t=fill:enable='lt(t,6)'"],
        ...[...h264, '-crf', '30', '-c:a', 'aac'],
      );
      const { job, videos, audio } = await kit.encode(file);
      const manifest = (await job.output.getBlobClient('lecture.ism').downloadToBuffer()).toString();
      for (const track of [...videos, audio!]) {
        const bytes = await readFile(track);
        const { index } = await readStoredTrack(
          (offset, count) => Promise.resolve(bytes.subarray(offset, offset + count)),
          bytes.length,
        );
        // Five of two seconds; what is left is no request of its own.
        expect(segmentCount(index)).toBe(5);
        const listed = new RegExp(`src="${basename(track)}" systemBitrate="(\\d+)"`).exec(manifest);
        const bitrate = Number(listed![1]);
        expect(bitrate).toBeGreaterThanOrEqual(averageBitrate(index));
        // Who receives just this, and waits for what the manifest says, sees no stall.
        expect(minimumBuffer(index, bitrate)).toBeLessThanOrEqual(2 * targetDuration(index));
      }
    });

    test('without sound there is no audio track', async () => {
      const file = await kit.make('silent.mp4', ...picture('160x90', 25, 1), ...h264);
      const { outcome, names } = await kit.encode(file);
      expect(outcome.state).toBe('finished');
      expect(names.filter((name) => name.endsWith('.cmfa'))).toEqual([]);
    });

    test('of several streams the largest picture and the main sound are taken', async () => {
      const file = await kit.make(
        'several.mkv',
        ...picture('160x90', 25, 1),
        ...picture('320x180', 25, 1),
        ...['-f', 'lavfi', '-i', 'anullsrc=duration=1', ...tone(1)],
        ...['-map', '0', '-map', '1', '-map', '2', '-map', '3', ...h264, '-c:a', 'aac'],
        ...[
          '-disposition',
          '0',
          '-disposition:v',
          '0',
          '-disposition:a:0',
          '0',
          '-disposition:a:1',
          'default',
          '-metadata:s:a:1',
          'language=fre',
          '-t',
          '1',
        ],
      );
      const { videos, audio, job } = await kit.encode(file);
      expect(await probeTrack(videos[0]!)).toMatchObject({ width: 320, height: 180 });
      const manifest = await job.output.getBlobClient('several.ism').downloadToBuffer();
      expect(manifest.toString()).toMatch(/<audio [^>]*systemLanguage="fr"/);
      expect(kit.log.join('')).toMatch(/"leftOut":1,"language":"fr","msg":"only one sound track is encoded"/);
      expect((await sound(audio!)).some((sample) => Math.abs(sample) > 500)).toBe(true);
    });

    test('names with spaces and other letters', async () => {
      const file = await kit.make('Møte i går (2).final.mp4', ...picture('160x90', 25, 1), ...h264);
      const { names } = await kit.encode(file);
      expect(names).toContain('Møte i går -2--final.ism');
    });
  }
});
