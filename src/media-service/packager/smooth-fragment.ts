import { boxesIn, makeBox, makeFullBox, uint32, uint64 } from '../boxes/boxes.ts';
import { readFragment, type Sample } from '../boxes/fragment.ts';
import { MalformedMediaError } from '../boxes/malformed-media.ts';
import type { StoredTrack } from './presentation.ts';
import { segmentTime } from './segment-index.ts';
import { toManifestTime } from './times.ts';
import type { Track } from './track.ts';

/** The `uuid` box that gives a fragment's absolute time and duration ([MS-SSTR] 2.2.4.4). */
const tfxdType = Buffer.from('6d1d9b0542d544e680e2141daff757b2', 'hex');

/** A sample on the Smooth timeline, 100 ns. */
interface SmoothSample {
  readonly sample: Sample;
  readonly duration: number;
  readonly compositionOffset: number;
}

/** A segment of a track and when it is due. */
export interface TimedSegment {
  readonly track: Track;
  /** Ticks of the track's timescale. */
  readonly presentationTime: number;
  /** Ticks of 100 ns. */
  readonly start: number;
  /** Ticks of 100 ns. */
  readonly end: number;
}

/** One segment of a track. */
export function timedSegment({ track, index }: StoredTrack, number: number): TimedSegment {
  return {
    track,
    presentationTime: index.times[number] ?? Number.NaN,
    start: segmentTime(index, number),
    end: segmentTime(index, number + 1),
  };
}

/**
 * A stored segment as a Smooth fragment ([MS-SSTR] 2.2.4, PIFF): one `moof` with times in ticks of 100 ns, then one
 * `mdat`. The answer is the fragment in pieces; the media in it are views of `bytes`, not copies.
 * @param bytes the segment as stored
 * @param trackId the track's number in the fragment
 * @throws MalformedMediaError
 */
export function smoothFragment(bytes: Buffer, segment: TimedSegment, trackId: number): readonly Buffer[] {
  const { track, start, end } = segment;
  const { samples, sequenceNumber } = smoothSamples(bytes, segment);
  const media = mediaOf(
    bytes,
    samples.map(({ sample }) => sample),
  );
  const length = media.reduce((sum, piece) => sum + piece.length, 0);
  const moof = (dataOffset: number): Buffer =>
    makeBox(
      'moof',
      makeFullBox('mfhd', 0, 0, uint32(sequenceNumber)),
      makeBox(
        'traf',
        makeFullBox('tfhd', 0, 0, uint32(trackId)),
        trackRun(samples, track.configuration.kind === 'video', dataOffset),
        timeBox(start, end - start),
      ),
    );
  const header = Buffer.alloc(8);
  header.writeUInt32BE(length + 8, 0);
  header.write('mdat', 4, 'latin1');
  return [Buffer.concat([moof(moof(0).length + 8), header]), ...media];
}

/** The samples of all of a segment's chunks, without what the edit list hides: Smooth has no edit lists. */
function smoothSamples(
  bytes: Buffer,
  { track, presentationTime }: TimedSegment,
): { readonly samples: readonly SmoothSample[]; readonly sequenceNumber: number } {
  const fragments = [...boxesIn(bytes)]
    .filter(({ type }) => type === 'moof')
    .map((moof) => readFragment(moof, track.defaults));
  const [first] = fragments;
  if (first === undefined) throw new MalformedMediaError('The segment has no moof.');
  const isAudio = track.configuration.kind === 'audio';
  const samples: SmoothSample[] = [];
  let decode = first.decodeTime;
  for (const sample of fragments.flatMap((fragment) => fragment.samples)) {
    const end = decode + sample.duration;
    if (!isAudio) {
      const shift = presentationTime - first.decodeTime;
      const at = toManifestTime(decode + shift, track.timescale);
      const shown = decode + sample.compositionOffset - track.presentationStart;
      samples.push({
        sample,
        duration: toManifestTime(end + shift, track.timescale) - at,
        compositionOffset: toManifestTime(shown, track.timescale) - at,
      });
    } else if (end > track.presentationStart) {
      const at = toManifestTime(Math.max(decode - track.presentationStart, 0), track.timescale);
      const until = toManifestTime(end - track.presentationStart, track.timescale);
      samples.push({ sample, duration: until - at, compositionOffset: 0 });
    }
    decode = end;
  }
  return { samples, sequenceNumber: first.sequenceNumber };
}

/** The samples' bytes; neighbours are one piece. */
function mediaOf(bytes: Buffer, samples: readonly Sample[]): readonly Buffer[] {
  const runs: { start: number; end: number }[] = [];
  for (const { position, size } of samples) {
    if (position < 0 || position + size > bytes.length) {
      throw new MalformedMediaError('A sample lies outside its segment.');
    }
    const last = runs.at(-1);
    if (last?.end === position) last.end += size;
    else runs.push({ start: position, end: position + size });
  }
  return runs.map(({ start, end }) => bytes.subarray(start, end));
}

/** `trun` with data offset, duration and size of each sample; for video flags and composition offset too. */
function trackRun(samples: readonly SmoothSample[], isVideo: boolean, dataOffset: number): Buffer {
  const version = samples.some(({ compositionOffset }) => compositionOffset < 0) ? 1 : 0;
  const body = Buffer.alloc(8 + samples.length * (isVideo ? 16 : 8));
  body.writeUInt32BE(samples.length, 0);
  body.writeInt32BE(dataOffset, 4);
  let offset = 8;
  for (const { sample, duration, compositionOffset } of samples) {
    body.writeUInt32BE(duration, offset);
    body.writeUInt32BE(sample.size, offset + 4);
    if (isVideo) {
      body.writeUInt32BE(sample.flags, offset + 8);
      if (version === 1) body.writeInt32BE(compositionOffset, offset + 12);
      else body.writeUInt32BE(compositionOffset, offset + 12);
    }
    offset += isVideo ? 16 : 8;
  }
  return makeFullBox('trun', version, isVideo ? 0xf01 : 0x301, body);
}

function timeBox(start: number, duration: number): Buffer {
  return makeBox('uuid', tfxdType, uint32(0x01000000), uint64(start), uint64(duration));
}
