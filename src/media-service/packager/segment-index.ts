import { reading, readLong, versionOf, type Box } from '../boxes/boxes.ts';
import { MalformedMediaError } from '../boxes/malformed-media.ts';
import { toManifestTime } from './times.ts';

/**
 * Where a track's segments are, in time and in the file: segment i is presented from `times[i]` to `times[i + 1]` (ticks
 * of `timescale`) and stored from `offsets[i]` to `offsets[i + 1]` (bytes). Both have one entry more than there are segments.
 */
export interface SegmentIndex {
  readonly timescale: number;
  readonly times: Float64Array;
  readonly offsets: Float64Array;
}

/** No file has more segments than this: half a year of two-second ones would be eight million; a day is 43,200. */
export const maximumSegments = 500_000;

/**
 * Reads a `sidx` (ISO/IEC 14496-12, 8.16.3) that stands at `box.start` in its file; undefined when it points to other
 * indexes, which are not followed.
 * @throws MalformedMediaError
 */
export function readSegmentIndex(box: Box): SegmentIndex | undefined {
  return reading('sidx', () => {
    const { body } = box;
    const long = versionOf(body) === 1;
    const timescale = body.readUInt32BE(8);
    if (timescale === 0) throw new MalformedMediaError('The timescale of the sidx is 0.');
    const earliest = long ? readLong(body, 12) : body.readUInt32BE(12);
    const firstOffset = long ? readLong(body, 20) : body.readUInt32BE(16);
    let position = long ? 28 : 20;
    const count = body.readUInt16BE(position + 2);
    position += 4;
    const times = new Float64Array(count + 1);
    const offsets = new Float64Array(count + 1);
    times[0] = earliest;
    offsets[0] = box.end + firstOffset;
    for (let segment = 0; segment < count; segment += 1, position += 12) {
      const reference = body.readUInt32BE(position);
      const duration = body.readUInt32BE(position + 4);
      if (reference >= 2 ** 31) return undefined;
      if (reference === 0 || duration === 0) throw new MalformedMediaError('The sidx has an empty segment.');
      offsets[segment + 1] = (offsets[segment] ?? 0) + reference;
      times[segment + 1] = (times[segment] ?? 0) + duration;
    }
    return { timescale, times, offsets };
  });
}

/** How many segments there are. */
export function segmentCount(index: SegmentIndex): number {
  return index.times.length - 1;
}

/** When segment `segment` starts, in ticks of 100 ns; the count of segments gives the end of the last. */
export function segmentTime(index: SegmentIndex, segment: number): number {
  return toManifestTime(index.times[segment] ?? Number.NaN, index.timescale);
}

/** Bytes of a segment. */
export function segmentSize(index: SegmentIndex, segment: number): number {
  return (index.offsets[segment + 1] ?? Number.NaN) - (index.offsets[segment] ?? Number.NaN);
}

/** The segment that starts at exactly this time (ticks of 100 ns); undefined when none does. */
export function findSegment(index: SegmentIndex, time: number): number | undefined {
  let low = 0;
  let high = segmentCount(index) - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const start = segmentTime(index, middle);
    if (start === time) return middle;
    if (start < time) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}
