import { boxesIn, flagsOf, needBox, reading, readLong, versionOf, type Box } from './boxes.ts';
import { MalformedMediaError } from './malformed-media.ts';

/** What samples are like where a fragment does not say (`trex`; ISO/IEC 14496-12, 8.8.3). */
export interface SampleDefaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

/** A sample of a fragment; times in ticks of the track's timescale. */
export interface Sample {
  readonly duration: number;
  /** Bytes. */
  readonly size: number;
  /** ISO/IEC 14496-12, 8.8.3.1. */
  readonly flags: number;
  /** Presentation less decoding time; may be negative. */
  readonly compositionOffset: number;
  /** Where its bytes start, in the bytes the fragment was read from. */
  readonly position: number;
}

export interface Fragment {
  readonly sequenceNumber: number;
  /** Decoding time of the first sample, ticks of the track's timescale. */
  readonly decodeTime: number;
  readonly samples: readonly Sample[];
}

/** `sample_is_non_sync_sample` (ISO/IEC 14496-12, 8.8.3.1). */
const nonSync = 0x10000;

/** Whether decoding can start at the sample. */
export function isSync({ flags }: Pick<Sample, 'flags'>): boolean {
  return (flags & nonSync) === 0;
}

/** Ticks from the first sample to the end of the last. */
export function durationOf({ samples }: Fragment): number {
  return samples.reduce((sum, { duration }) => sum + duration, 0);
}

/** When the first shown sample is due, in ticks of the decoding timeline; with no samples the decoding time. */
export function presentationStart({ decodeTime, samples }: Fragment): number {
  let decode = decodeTime;
  let earliest = Number.POSITIVE_INFINITY;
  for (const { duration, compositionOffset } of samples) {
    earliest = Math.min(earliest, decode + compositionOffset);
    decode += duration;
  }
  return Number.isFinite(earliest) ? earliest : decodeTime;
}

/** More samples than any fragment has; without a bound a corrupt count with default sizes would never end. */
const maximumSamples = 200_000;

/** The flags of `tfhd` (ISO/IEC 14496-12, 8.8.7). */
export const trackFragment = {
  baseDataOffset: 0x1,
  sampleDescription: 0x2,
  defaultDuration: 0x8,
  defaultSize: 0x10,
  defaultFlags: 0x20,
  baseIsMoof: 0x20000,
} as const;
/** The flags of `trun` (ISO/IEC 14496-12, 8.8.8). */
export const trackRun = {
  dataOffset: 0x1,
  firstFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  compositionOffset: 0x800,
} as const;

/**
 * Reads a `moof` and where its samples lie; positions count from where the box's own `start` counts.
 * @throws MalformedMediaError
 */
export function readFragment(moof: Pick<Box, 'start' | 'body'>, trackDefaults: SampleDefaults): Fragment {
  return reading('moof', () => {
    const sequenceNumber = needBox(moof.body, 'mfhd').body.readUInt32BE(4);
    const runs = [...boxesIn(moof.body)].filter(({ type }) => type === 'traf');
    const [only] = runs;
    if (only === undefined || runs.length > 1) {
      throw new MalformedMediaError(`The moof has ${runs.length} tracks where one is due.`);
    }
    const defaults = readHeader(needBox(only.body, 'tfhd').body, trackDefaults);
    const time = needBox(only.body, 'tfdt').body;
    const samples: Sample[] = [];
    let position = moof.start;
    for (const box of boxesIn(only.body)) {
      if (box.type === 'trun') {
        position = readRun(box.body, defaults, moof.start, position, samples);
      }
    }
    return {
      sequenceNumber,
      decodeTime: versionOf(time) === 1 ? readLong(time, 4) : time.readUInt32BE(4),
      samples,
    };
  });
}

/** What the fragment's `tfhd` says of its samples, else what the track says. */
function readHeader(body: Buffer, track: SampleDefaults): SampleDefaults {
  const flags = flagsOf(body);
  if ((flags & trackFragment.baseDataOffset) !== 0) {
    // An offset from the start of the file; CMAF forbids it (ISO/IEC 23000-19, 7.5.15).
    throw new MalformedMediaError('The tfhd has a base-data-offset, which CMAF forbids.');
  }
  let offset = (flags & trackFragment.sampleDescription) !== 0 ? 12 : 8;
  const field = (present: number, otherwise: number): number => {
    if ((flags & present) === 0) return otherwise;
    offset += 4;
    return body.readUInt32BE(offset - 4);
  };
  return {
    duration: field(trackFragment.defaultDuration, track.duration),
    size: field(trackFragment.defaultSize, track.size),
    flags: field(trackFragment.defaultFlags, track.flags),
  };
}

/** Appends the run's samples; the answer is where the next run's data starts if it does not say. */
function readRun(
  body: Buffer,
  defaults: SampleDefaults,
  base: number,
  following: number,
  samples: Sample[],
): number {
  const flags = flagsOf(body);
  const signed = versionOf(body) !== 0;
  const count = body.readUInt32BE(4);
  if (samples.length + count > maximumSamples) {
    throw new MalformedMediaError(`A fragment of ${count} samples is beyond reason.`);
  }
  let offset = 8;
  const word = (): number => {
    offset += 4;
    return body.readUInt32BE(offset - 4);
  };
  let position = following;
  if ((flags & trackRun.dataOffset) !== 0) {
    position = base + body.readInt32BE(offset);
    offset += 4;
  }
  const firstFlags = (flags & trackRun.firstFlags) !== 0 ? word() : undefined;
  for (let sample = 0; sample < count; sample += 1) {
    const duration = (flags & trackRun.duration) !== 0 ? word() : defaults.duration;
    const size = (flags & trackRun.size) !== 0 ? word() : defaults.size;
    const own = (flags & trackRun.flags) !== 0 ? word() : defaults.flags;
    let compositionOffset = 0;
    if ((flags & trackRun.compositionOffset) !== 0) {
      compositionOffset = signed ? word() | 0 : word();
    }
    samples.push({
      duration,
      size,
      flags: sample === 0 ? (firstFlags ?? own) : own,
      compositionOffset,
      position,
    });
    position += size;
  }
  return position;
}
