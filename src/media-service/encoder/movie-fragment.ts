import { MalformedBoxError, int32, need, boxesIn, uint32, uint64, writeBox, writeFullBox } from './boxes.ts';

/** One sample of a track fragment; times in the track's timescale. */
export interface Sample {
  readonly duration: number;
  /** Bytes. */
  readonly size: number;
  /** ISO/IEC 14496-12, 8.8.3.1. */
  readonly flags: number;
  /** Composition time less decode time. */
  readonly compositionOffset: number;
}

/** A `moof` with one track fragment. */
export interface MovieFragment {
  readonly decodeTime: number;
  readonly samples: readonly Sample[];
}

/** The defaults of a `trex` (ISO/IEC 14496-12, 8.8.3). */
export interface SampleDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

const nonSync = 0x10000;

/** Whether decoding can start at the sample (`sample_is_non_sync_sample` is 0). */
export function isSync(sample: Sample): boolean {
  return (sample.flags & nonSync) === 0;
}

export function durationOf({ samples }: MovieFragment): number {
  return samples.reduce((sum, { duration }) => sum + duration, 0);
}

/** The smallest presentation time in the fragment. */
export function earliestPresentationTime({ decodeTime, samples }: MovieFragment): number {
  let time = decodeTime;
  let earliest = Number.POSITIVE_INFINITY;
  for (const { duration, compositionOffset } of samples) {
    earliest = Math.min(earliest, time + compositionOffset);
    time += duration;
  }
  return earliest;
}

/** Reads the defaults of the only track of a `moov`. */
export function readSampleDefaults(moov: Buffer): SampleDefaults {
  const trex = need(moov, 'mvex', 'trex');
  return { duration: trex.readUInt32BE(12), size: trex.readUInt32BE(16), flags: trex.readUInt32BE(20) };
}

/**
 * Reads the body of a `moof` with one track fragment, as ffmpeg writes it.
 * @throws MalformedBoxError
 */
export function readMovieFragment(moof: Buffer, trackDefaults: SampleDefaults): MovieFragment {
  const traf = need(moof, 'traf');
  const tfdt = need(traf, 'tfdt');
  const decodeTime = tfdt[0] === 1 ? Number(tfdt.readBigUInt64BE(4)) : tfdt.readUInt32BE(4);
  const defaults = readHeaderDefaults(need(traf, 'tfhd'), trackDefaults);
  const samples: Sample[] = [];
  for (const { type, body } of boxesIn(traf)) if (type === 'trun') samples.push(...readRun(body, defaults));
  if (samples.length === 0) throw new MalformedBoxError('A movie fragment has no samples.');
  return { decodeTime, samples };
}

/** `tfhd` (ISO/IEC 14496-12, 8.8.7): fields stand there when their flag is set. */
function readHeaderDefaults(tfhd: Buffer, track: SampleDefaults): SampleDefaults {
  const flags = tfhd.readUIntBE(1, 3);
  let offset = 8;
  const field = (flag: number, fallback: number, width = 4): number => {
    if ((flags & flag) === 0) return fallback;
    offset += width;
    return tfhd.readUInt32BE(offset - 4);
  };
  field(0x1, 0, 8); // base data offset
  field(0x2, 0); // sample description index
  return {
    duration: field(0x8, track.duration),
    size: field(0x10, track.size),
    flags: field(0x20, track.flags),
  };
}

/** `trun` (ISO/IEC 14496-12, 8.8.8). */
function readRun(trun: Buffer, defaults: SampleDefaults): Sample[] {
  const flags = trun.readUIntBE(1, 3);
  const count = trun.readUInt32BE(4);
  let offset = (flags & 0x1) === 0 ? 8 : 12;
  const next = (): number => {
    offset += 4;
    return trun.readUInt32BE(offset - 4);
  };
  const firstFlags = (flags & 0x4) === 0 ? undefined : next();
  return Array.from({ length: count }, (_, index) => ({
    duration: (flags & 0x100) === 0 ? defaults.duration : next(),
    size: (flags & 0x200) === 0 ? defaults.size : next(),
    flags: (flags & 0x400) === 0 ? (index === 0 ? (firstFlags ?? defaults.flags) : defaults.flags) : next(),
    // Signed in version 1; in version 0 ffmpeg writes no offset that would not fit.
    compositionOffset: (flags & 0x800) === 0 ? 0 : next() | 0,
  }));
}

/**
 * Writes a `moof` whose data follows in the next box (`mdat` with a header of 8 bytes): base is the moof, `trun`
 * version 1, what all samples share stands in the `tfhd` (CMAF, ISO/IEC 23000-19, 7.5.17: self-contained).
 */
export function writeMovieFragment(sequence: number, { decodeTime, samples }: MovieFragment): Buffer {
  const [first, second = first] = samples;
  if (first === undefined || second === undefined) throw new MalformedBoxError('A fragment needs samples.');
  const sameDuration = samples.every(({ duration }) => duration === first.duration);
  const sameFlags = samples.every(({ flags }, index) => index === 0 || flags === second.flags);
  const hasOffsets = samples.some(({ compositionOffset }) => compositionOffset !== 0);

  const tfhd = writeFullBox(
    'tfhd',
    0,
    0x020000 | (sameDuration ? 0x8 : 0) | (sameFlags ? 0x20 : 0),
    uint32(1, ...(sameDuration ? [first.duration] : []), ...(sameFlags ? [second.flags] : [])),
  );
  const tfdt = writeFullBox('tfdt', 1, 0, uint64(decodeTime));
  const firstFlagsDiffer = sameFlags && first.flags !== second.flags;
  const runFlags =
    0x1 |
    (firstFlagsDiffer ? 0x4 : 0) |
    (sameDuration ? 0 : 0x100) |
    0x200 |
    (sameFlags ? 0 : 0x400) |
    (hasOffsets ? 0x800 : 0);
  const run = (dataOffset: number): Buffer =>
    writeFullBox(
      'trun',
      1,
      runFlags,
      uint32(samples.length),
      int32(dataOffset),
      ...(firstFlagsDiffer ? [uint32(first.flags)] : []),
      ...samples.map((sample) =>
        Buffer.concat([
          uint32(
            ...(sameDuration ? [] : [sample.duration]),
            sample.size,
            ...(sameFlags ? [] : [sample.flags]),
          ),
          ...(hasOffsets ? [int32(sample.compositionOffset)] : []),
        ]),
      ),
    );
  const moof = (dataOffset: number): Buffer =>
    writeBox(
      'moof',
      writeFullBox('mfhd', 0, 0, uint32(sequence)),
      writeBox('traf', tfhd, tfdt, run(dataOffset)),
    );
  return moof(moof(0).length + 8);
}
