import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { makeBox, makeFullBox } from '../../../src/media-service/boxes/boxes.ts';
import { MalformedMediaError } from '../../../src/media-service/boxes/malformed-media.ts';
import { UnsupportedMediaError } from '../../../src/media-service/packager/errors.ts';
import { findSegment, segmentCount, segmentTime } from '../../../src/media-service/packager/segment-index.ts';
import { readStoredTrack } from '../../../src/media-service/packager/stored-track.ts';
import { seeded } from '../../seeded.ts';
import {
  makeMoov,
  makeSegment,
  makeStored,
  reader,
  syntheticAudio,
  syntheticVideo,
  words,
  type SyntheticOptions,
} from './synthetic.ts';

const read = (bytes: Buffer): ReturnType<typeof readStoredTrack> =>
  readStoredTrack(reader(bytes), bytes.length);

describe('a stored track', () => {
  it('tells what it holds', async () => {
    const { track, index, initialization } = await read(makeStored(syntheticVideo(2)));
    expect(track.configuration).toMatchObject({
      kind: 'video',
      codecs: 'avc1.64000d',
      width: 640,
      height: 360,
    });
    expect([...index.times]).toEqual([0, 12012, 24024, 30030]);
    expect(segmentTime(index, 1)).toBe(1334667);
    expect(initialization.toString('latin1', 4, 8)).toBe('ftyp');

    const audio = await read(makeStored(syntheticAudio));
    expect(audio.track.configuration).toMatchObject({
      kind: 'audio',
      codecs: 'mp4a.40.2',
      channels: 2,
      sampleRate: 48000,
    });
    // Presented times: the priming frame is before 0.
    expect([...audio.index.times]).toEqual([0, 6144, 12288, 16384]);
  });

  it.each([
    ['video', syntheticVideo(1)],
    ['audio with an edit list', syntheticAudio],
  ] satisfies [string, SyntheticOptions][])(
    'has the same index with a sidx and without: %s',
    async (_, options) => {
      const [indexed, walked] = [
        await read(makeStored(options)),
        await read(makeStored({ ...options, withIndex: false })),
      ];
      const shift = makeStored(options).length - makeStored({ ...options, withIndex: false }).length;
      expect([...walked.index.times]).toEqual([...indexed.index.times]);
      expect([...walked.index.offsets].map((offset) => offset + shift)).toEqual([...indexed.index.offsets]);
    },
  );

  it('walks a file whose sidx does not cover it', async () => {
    const options = syntheticVideo(1);
    const whole = makeStored(options);
    const more = makeSegment(options.segments[0]!, 3, 30_030);
    const { index } = await read(Buffer.concat([whole, more]));
    expect([...index.times]).toEqual([0, 12012, 24024, 30030, 42042]);
    expect(index.offsets.at(-1)).toBe(whole.length + more.length);
  });

  it('takes chunks that do not start with a key frame as one segment, and leaves what follows the media', async () => {
    const sample = { duration: 3000, size: 9 };
    const file = Buffer.concat([
      makeStored({ ...syntheticVideo(1), segments: [[sample]], withIndex: false }),
      makeSegment([{ ...sample, sync: false }], 1, 3000),
      makeBox('styp', Buffer.from('cmfs'), words(0)),
      makeSegment([sample], 2, 6000),
      makeBox('mfra', makeFullBox('mfro', 0, 0, words(24))),
    ]);
    const { index } = await read(file);
    expect([...index.times]).toEqual([0, 6000, 9000]);
    expect(index.offsets.at(-1)).toBe(file.length - 24);
  });

  it('is read with one request when a sidx is there, and a walk needs no more than a few', async () => {
    const segments = Array.from({ length: 300 }, () => [{ duration: 3000, size: 1500 }]);
    const indexed = makeStored({ ...syntheticVideo(1), segments });
    const one = reader(indexed);
    await readStoredTrack(one, indexed.length);
    expect(one.ranges).toHaveLength(1);
    const plain = makeStored({ ...syntheticVideo(1), segments, withIndex: false });
    const walk = reader(plain);
    expect(segmentCount((await readStoredTrack(walk, plain.length)).index)).toBe(300);
    expect(walk.ranges.length).toBeLessThan(plain.length / 60_000 + 3);
    // Where the media are large only the heads are read.
    const large = Array.from({ length: 30 }, () => [{ duration: 3000, size: 100_000 }]);
    const heavy = makeStored({ ...syntheticVideo(1), segments: large, withIndex: false });
    const leaps = reader(heavy);
    await readStoredTrack(leaps, heavy.length);
    expect(leaps.ranges.reduce((sum, [, count]) => sum + count, 0)).toBeLessThan(heavy.length / 10);
  });

  it('reads what the encoder stores', async () => {
    for (const name of (await readdir('test/fixtures/hello')).filter((file) => /cmf[av]$/.test(file))) {
      const bytes = await readFile(`test/fixtures/hello/${name}`);
      const { index } = await read(bytes);
      expect(index.offsets.at(-1), name).toBe(bytes.length);
      for (let segment = 0; segment < segmentCount(index); segment += 1) {
        expect(findSegment(index, segmentTime(index, segment))).toBe(segment);
        expect(findSegment(index, segmentTime(index, segment) + 1)).toBeUndefined();
        const start = index.offsets[segment]!;
        expect(bytes.toString('latin1', start + 4, start + 8)).toBe('moof');
      }
    }
  });
});

describe('what is not served', () => {
  const video = syntheticVideo(1);
  const file = makeStored(video);
  const moov = makeMoov(video);
  const brand = makeBox('ftyp', Buffer.from('cmfc'), words(0));
  const media = makeSegment(video.segments[0]!, 0, 0);

  it.each([
    ['a plain MP4', [brand, makeMoov(video, { fragmented: false }), media], /plain MP4/],
    ['a plain MP4 with its index at the end', [brand, makeBox('mdat', words(1)), moov], /no fragmented MP4/],
    ['two tracks in a file', [brand, makeMoov(video, { tracks: 2 }), media], /2 tracks/],
    ['another video codec', [Buffer.from(file.toString('latin1').replace('avc1', 'hvc1'), 'latin1')], /hvc1/],
  ])('%s: says so', async (_, parts, message) => {
    const reading = read(Buffer.concat(parts));
    await expect(reading).rejects.toThrow(UnsupportedMediaError);
    await expect(reading).rejects.toThrow(message);
  });

  it.each([
    ['an empty file', []],
    ['seven bytes', [Buffer.alloc(7)]],
    ['text', [Buffer.from('this is not a video, however it is called')]],
    ['no fragments', [brand, moov]],
    ['fragments without a moov', [brand, media]],
    ['a box larger than the file', [brand, words(1_000_000), Buffer.from('moov'), words(0)]],
    ['a moov of 3 GB', [brand, Buffer.from('b2d05e00', 'hex'), Buffer.from('moov')]],
    ['a box of four bytes', [brand, words(4), Buffer.from('free')]],
    ['a cut moov', [brand, moov.subarray(0, 300)]],
    ['fragments out of order', [brand, moov, makeSegment(video.segments[0]!, 0, 90_000), media]],
    [
      'two billion samples of no size',
      [
        brand,
        moov,
        makeBox(
          'moof',
          makeFullBox('mfhd', 0, 0, words(1)),
          makeBox(
            'traf',
            makeFullBox('tfhd', 0, 0, words(1)),
            makeFullBox('tfdt', 0, 0, words(0)),
            makeFullBox('trun', 0, 0, words(0x7fffffff)),
          ),
        ),
      ],
    ],
  ])('%s: malformed', async (_, parts) => {
    await expect(read(Buffer.concat(parts))).rejects.toThrow(MalformedMediaError);
  });

  it('never fails otherwise, hangs or reads without end, whatever bytes are broken', async () => {
    const random = seeded(11);
    const outcomes = new Set<string>();
    for (let run = 0; run < 1500; run += 1) {
      const withIndex = run % 2 === 0;
      const broken = Buffer.from(makeStored({ ...(run % 3 === 0 ? syntheticAudio : video), withIndex }));
      for (let flip = 0; flip <= run % 4; flip += 1) {
        const at = Math.floor(random() * broken.length);
        broken[at] = [0, 1, 0x7f, 0xff, Math.floor(random() * 256)][Math.floor(random() * 5)]!;
      }
      const bytes = random() < 0.2 ? broken.subarray(0, Math.floor(random() * broken.length)) : broken;
      const source = reader(bytes);
      const outcome = await readStoredTrack(source, bytes.length).then(
        ({ index }) => {
          expect(index.offsets.at(-1)).toBeLessThanOrEqual(bytes.length);
          expect(index.times.every((time, at) => at === 0 || time > index.times[at - 1]!)).toBe(true);
          return 'read';
        },
        (error: unknown) => (error as Error).name,
      );
      outcomes.add(outcome);
      expect(source.ranges.length).toBeLessThan(50);
    }
    expect([...outcomes].sort()).toEqual(['MalformedMediaError', 'UnsupportedMediaError', 'read']);
  });
});

describe('an index', () => {
  it('keeps times exact for a video of months', () => {
    const index = {
      timescale: 90_000,
      times: Float64Array.of(0, 90_000 * 1e7 + 3003),
      offsets: Float64Array.of(0, 1),
    };
    expect(segmentTime(index, 1)).toBe(1e7 * 1e7 + 333_667);
  });
});
