import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { boxesIn, makeBox, makeFullBox, needBox } from '../../../src/media-service/boxes/boxes.ts';
import { MalformedMediaError } from '../../../src/media-service/boxes/malformed-media.ts';
import { readFragment } from '../../../src/media-service/boxes/fragment.ts';
import type { StoredTrack } from '../../../src/media-service/packager/presentation.ts';
import { segmentCount, segmentTime } from '../../../src/media-service/packager/segment-index.ts';
import { smoothFragment, timedSegment } from '../../../src/media-service/packager/smooth-fragment.ts';
import { readStoredTrack } from '../../../src/media-service/packager/stored-track.ts';
import { makeSegment, makeStored, reader, syntheticAudio, syntheticVideo, words } from './synthetic.ts';

interface SmoothSample {
  readonly duration: number;
  readonly size: number;
  readonly flags: number | undefined;
  readonly compositionOffset: number;
}

/** A reader of Smooth fragments of its own, by [MS-SSTR] 2.2.4 alone. */
function parseSmooth(fragment: Buffer): {
  readonly trackId: number;
  readonly time: number;
  readonly duration: number;
  readonly samples: readonly SmoothSample[];
  readonly media: Buffer;
} {
  const boxes = [...boxesIn(fragment)];
  expect(boxes.map(({ type }) => type)).toEqual(['moof', 'mdat']);
  const [moof, mdat] = boxes as [(typeof boxes)[0], (typeof boxes)[0]];
  const inside = [...boxesIn(needBox(moof.body, 'traf').body)];
  expect(inside.map(({ type }) => type)).toEqual(['tfhd', 'trun', 'uuid']);
  const [header, run, uuid] = inside.map(({ body }) => body) as [Buffer, Buffer, Buffer];
  expect(header.readUInt32BE(0)).toBe(0);
  expect(uuid.toString('hex', 0, 16)).toBe('6d1d9b0542d544e680e2141daff757b2');
  expect(uuid.readUInt32BE(16)).toBe(0x01000000);
  const flags = run.readUIntBE(1, 3);
  expect(flags & 0x301).toBe(0x301);
  const samples: SmoothSample[] = [];
  let offset = 12;
  const next = (): number => run.readUInt32BE((offset += 4) - 4);
  for (let sample = 0; sample < run.readUInt32BE(4); sample += 1) {
    samples.push({
      duration: next(),
      size: next(),
      flags: flags & 0x400 ? next() : undefined,
      compositionOffset: flags & 0x800 ? next() | 0 : 0,
    });
  }
  expect(offset).toBe(run.length);
  const start = run.readInt32BE(8);
  expect(start).toBe(moof.end + 8);
  expect(samples.reduce((sum, { size }) => sum + size, 0)).toBe(mdat.body.length);
  return {
    trackId: header.readUInt32BE(4),
    time: Number(uuid.readBigUInt64BE(20)),
    duration: Number(uuid.readBigUInt64BE(28)),
    samples,
    media: mdat.body,
  };
}

async function open(bytes: Buffer): Promise<{ stored: StoredTrack; segment: (number: number) => Buffer }> {
  const stored = await readStoredTrack(reader(bytes), bytes.length);
  const { offsets } = stored.index;
  return { stored, segment: (number) => bytes.subarray(offsets[number], offsets[number + 1]) };
}

const convert = (bytes: Buffer, stored: StoredTrack, number: number, id = 1): Buffer =>
  Buffer.concat(smoothFragment(bytes, timedSegment(stored, number), id));

describe('Smooth fragments', () => {
  it.each(['hello_640x360_960.cmfv', 'hello_320x180_320.cmfv', 'hello_aac_128.cmfa'])(
    'hold the same samples at the same times as stored: %s',
    async (file) => {
      const { stored, segment } = await open(await readFile(`test/fixtures/hello/${file}`));
      const { track, index } = stored;
      let clock = 0;
      for (let number = 0; number < segmentCount(index); number += 1) {
        const bytes = segment(number);
        const smooth = parseSmooth(convert(bytes, stored, number, 2));
        const moof = [...boxesIn(bytes)].find(({ type }) => type === 'moof')!;
        const original = readFragment(moof, track.defaults);
        expect(smooth.trackId).toBe(2);
        expect(smooth.time).toBe(segmentTime(index, number));
        expect(smooth.time + smooth.duration).toBe(segmentTime(index, number + 1));
        expect(smooth.time).toBe(clock);
        expect(smooth.media.equals(needBox(bytes, 'mdat').body)).toBe(true);
        expect(smooth.samples.map(({ size }) => size)).toEqual(original.samples.map(({ size }) => size));
        let decode = original.decodeTime;
        smooth.samples.forEach((sample, at) => {
          const presented = ((decode + original.samples[at]!.compositionOffset) * 1e7) / track.timescale;
          expect(Math.abs(clock + sample.compositionOffset - presented)).toBeLessThan(1);
          if (track.configuration.kind === 'video') {
            expect(sample.flags).toBe(original.samples[at]!.flags);
          }
          clock += sample.duration;
          decode += original.samples[at]!.duration;
        });
      }
      expect(clock).toBe(segmentTime(index, segmentCount(index)));
    },
  );

  it('have no sample that the edit list hides', async () => {
    const { stored, segment } = await open(makeStored(syntheticAudio));
    const first = parseSmooth(convert(segment(0), stored, 0));
    expect(first.samples).toHaveLength(6);
    expect([first.time, first.duration]).toEqual([0, 1_280_000]);
    expect(first.samples.reduce((sum, { duration }) => sum + duration, 0)).toBe(1_280_000);
    // The first frame of three bytes is gone from the media, too.
    expect(first.media[0]).toBe(4);
    expect(parseSmooth(convert(segment(1), stored, 1)).samples).toHaveLength(6);
  });

  it('shorten a sample that the edit list hides in part', async () => {
    const { stored, segment } = await open(makeStored({ ...syntheticAudio, editStart: 592 }));
    const { samples, duration } = parseSmooth(convert(segment(0), stored, 0));
    expect(samples).toHaveLength(7);
    expect(samples[0]!.duration).toBe(Math.round((432 * 1e7) / 48000));
    expect(samples.reduce((sum, sample) => sum + sample.duration, 0)).toBe(duration);
  });

  it('keep pictures where they were when an edit list takes their delay away', async () => {
    const delayed = {
      ...syntheticVideo(1),
      editStart: 3003,
      segments: syntheticVideo(1).segments.map((samples) =>
        samples.map((sample) => ({ ...sample, compositionOffset: sample.compositionOffset! + 3003 })),
      ),
    };
    const { stored, segment } = await open(makeStored({ ...delayed, withIndex: false }));
    const plain = await open(makeStored(syntheticVideo(1)));
    expect(parseSmooth(convert(segment(1), stored, 1)).samples).toEqual(
      parseSmooth(convert(plain.segment(1), plain.stored, 1)).samples,
    );
  });

  it('join the chunks of a segment', async () => {
    const sample = { duration: 3000, size: 9 };
    const bytes = Buffer.concat([
      makeStored({ ...syntheticVideo(1), segments: [[sample]], withIndex: false }),
      makeSegment([{ ...sample, sync: false }], 1, 3000),
    ]);
    const { stored, segment } = await open(bytes);
    const { samples, media, duration } = parseSmooth(convert(segment(0), stored, 0));
    expect([samples.length, media.length, duration]).toEqual([2, 18, 666_667]);
  });

  it('are refused when a sample lies outside the segment', async () => {
    const { stored, segment } = await open(makeStored(syntheticVideo(1)));
    expect(() => convert(segment(0).subarray(0, -20), stored, 0)).toThrow(MalformedMediaError);
    const lying = makeBox(
      'moof',
      makeFullBox('mfhd', 0, 0, words(1)),
      makeBox(
        'traf',
        makeFullBox('tfhd', 0, 0, words(1)),
        makeFullBox('tfdt', 0, 0, words(0)),
        makeFullBox('trun', 0, 0x201, words(1, -50, 100)),
      ),
    );
    expect(() => convert(lying, stored, 0)).toThrow(MalformedMediaError);
  });
});
