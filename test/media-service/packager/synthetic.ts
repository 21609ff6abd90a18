/**
 * Small stored tracks made box by box, the same bytes each time: what a test says of times and sizes is all there is.
 */
import { makeBox, makeFullBox } from '../../../src/media-service/boxes/boxes.ts';
import type { ReadRange } from '../../../src/media-service/packager/stored-track.ts';

export interface SyntheticSample {
  readonly duration: number;
  readonly size: number;
  readonly compositionOffset?: number;
  readonly sync?: boolean;
}

export interface SyntheticOptions {
  readonly kind: 'video' | 'audio';
  readonly timescale: number;
  /** The samples of each segment. */
  readonly segments: readonly (readonly SyntheticSample[])[];
  /** Media time of the one edit, ticks; no edit list when absent. */
  readonly editStart?: number;
  readonly withIndex?: boolean;
  readonly width?: number;
  readonly height?: number;
}

export const words = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, at) => bytes.writeInt32BE(value | 0, at * 4));
  return bytes;
};
const halves = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, at) => bytes.writeUInt16BE(value, at * 2));
  return bytes;
};
const zeros = (count: number): Buffer => Buffer.alloc(count);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const sequenceSet = hex('6764000dacd941419f9e10000003001000000303c0f1429960');
const pictureSet = hex('68eaef2c');

function sampleEntry({ kind, width = 320, height = 180 }: SyntheticOptions): Buffer {
  if (kind === 'video') {
    const avcC = makeBox(
      'avcC',
      hex('0164000dff e1'),
      halves(sequenceSet.length),
      sequenceSet,
      hex('01'),
      halves(pictureSet.length),
      pictureSet,
      hex('fdf8f800'),
    );
    return makeBox(
      'avc1',
      ...[zeros(6), halves(1), zeros(16), halves(width, height), words(0x480000, 0x480000, 0)],
      ...[halves(1), zeros(32), halves(0x18, 0xffff), avcC],
    );
  }
  const esds = makeFullBox(
    'esds',
    0,
    0,
    hex('03808080 22 0001 00 04808080 14 40 15 000000 0001f400 0001f400 05808080 02 1190 06808080 01 02'),
  );
  return makeBox('mp4a', zeros(6), halves(1), zeros(8), halves(2, 16, 0, 0), words(48000 << 16), esds);
}

export function makeMoov(options: SyntheticOptions, { fragmented = true, tracks = 1 } = {}): Buffer {
  const { kind, timescale, editStart } = options;
  const media = makeBox(
    'mdia',
    makeFullBox('mdhd', 0, 0, words(0, 0, timescale, 0, 0x55c40000)),
    makeFullBox('hdlr', 0, 0, words(0), Buffer.from(kind === 'video' ? 'vide' : 'soun'), zeros(13)),
    makeBox('minf', makeBox('stbl', makeFullBox('stsd', 0, 0, words(1), sampleEntry(options)))),
  );
  const edit =
    editStart === undefined
      ? []
      : [makeBox('edts', makeFullBox('elst', 0, 0, words(1, 0, editStart, 0x10000)))];
  const track = makeBox('trak', makeFullBox('tkhd', 0, 3, words(0, 0, 1, 0, 0), zeros(60)), ...edit, media);
  return makeBox(
    'moov',
    makeFullBox('mvhd', 0, 0, words(0, 0, 1000, 0), zeros(80)),
    ...Array.from({ length: tracks }, () => track),
    ...(fragmented ? [makeBox('mvex', makeFullBox('trex', 0, 0, words(1, 1, 0, 0, 0)))] : []),
  );
}

const duration = (samples: readonly SyntheticSample[]): number =>
  samples.reduce((sum, sample) => sum + sample.duration, 0);

/** Where a segment's media bytes count up from 1, so that a wrong slice shows. */
function makeMedia(samples: readonly SyntheticSample[], segment: number): Buffer {
  const size = samples.reduce((sum, sample) => sum + sample.size, 0);
  return Buffer.from(Array.from({ length: size }, (_, at) => (segment * 16 + at + 1) & 0xff));
}

export function makeSegment(
  samples: readonly SyntheticSample[],
  segment: number,
  decodeTime: number,
): Buffer {
  const run = (dataOffset: number): Buffer =>
    makeFullBox(
      'trun',
      1,
      0xf01,
      words(samples.length, dataOffset),
      ...samples.map(({ duration: ticks, size, sync = true, compositionOffset = 0 }) =>
        words(ticks, size, sync ? 0x2000000 : 0x1010000, compositionOffset),
      ),
    );
  const moof = (dataOffset: number): Buffer =>
    makeBox(
      'moof',
      makeFullBox('mfhd', 0, 0, words(segment + 1)),
      makeBox(
        'traf',
        makeFullBox('tfhd', 0, 0x20000, words(1)),
        makeFullBox('tfdt', 1, 0, words(0, decodeTime)),
        run(dataOffset),
      ),
    );
  return Buffer.concat([moof(moof(0).length + 8), makeBox('mdat', makeMedia(samples, segment))]);
}

/** A stored CMAF track. */
export function makeStored(options: SyntheticOptions): Buffer {
  const { segments, editStart = 0, withIndex = true } = options;
  let decodeTime = 0;
  const made = segments.map((samples, segment) => {
    const bytes = makeSegment(samples, segment, decodeTime);
    decodeTime += duration(samples);
    return bytes;
  });
  const references = segments.flatMap((samples, segment) => [
    made[segment]!.length,
    duration(samples) - (segment === 0 ? editStart : 0),
    0x90000000,
  ]);
  const index = makeFullBox(
    'sidx',
    0,
    0,
    words(1, options.timescale, 0, 0),
    halves(0, segments.length),
    words(...references),
  );
  return Buffer.concat([
    makeBox('ftyp', Buffer.from('cmfc'), words(0), Buffer.from('cmfciso6')),
    makeMoov(options),
    ...(withIndex ? [index] : []),
    ...made,
  ]);
}

/** Reads from memory as the storage is read; counts what was read. */
export function reader(bytes: Buffer): ReadRange & { readonly ranges: [number, number][] } {
  const ranges: [number, number][] = [];
  const read = async (offset: number, count: number): Promise<Buffer> => {
    if (offset < 0 || offset + count > bytes.length) throw new Error(`No bytes ${offset}+${count}`);
    ranges.push([offset, count]);
    return bytes.subarray(offset, offset + count);
  };
  return Object.assign(read, { ranges });
}

const frames = (sizes: readonly number[], compositionOffsets: readonly number[]): SyntheticSample[] =>
  sizes.map((size, at) => ({
    duration: 3003,
    size,
    sync: at === 0,
    compositionOffset: compositionOffsets[at] ?? 0,
  }));

/** Video at 29.97 frames a second with B-frames as the encoder stores it: negative composition offsets. */
export const syntheticVideo = (scale: number): SyntheticOptions => ({
  kind: 'video',
  timescale: 90_000,
  width: 320 * scale,
  height: 180 * scale,
  segments: [
    frames([30 * scale, 4, 5 * scale, 6], [0, 3003, -3003, 0]),
    frames([20 * scale, 4, 5, 6], [0, 3003, -3003, 0]),
    frames([25 * scale, 7], [0, 0]),
  ],
});

/** AAC whose first frame is priming, hidden by an edit list. */
export const syntheticAudio: SyntheticOptions = {
  kind: 'audio',
  timescale: 48_000,
  editStart: 1024,
  segments: [7, 6, 4].map((count) =>
    Array.from({ length: count }, (_, at) => ({ duration: 1024, size: 3 + (at % 3) })),
  ),
};
