import { makeFullBox, uint32, uint64 } from '../boxes/boxes.ts';

export interface IndexedFragment {
  /** Bytes. */
  readonly size: number;
  /** In the track's timescale. */
  readonly duration: number;
}

/** `reference_count` has 16 bits: 36 hours of two-second fragments. */
export const mostReferences = 0xffff;

/** Seconds: a request is not worth less. */
const leastSegment = 0.5;

/** What is listed as segments: fragments, a short one together with the one before it, or after it at the start. */
export function withoutShortSegments(
  timescale: number,
  fragments: readonly IndexedFragment[],
): readonly IndexedFragment[] {
  const segments: IndexedFragment[] = [];
  const isShort = ({ duration }: IndexedFragment): boolean => duration < leastSegment * timescale;
  for (const fragment of fragments) {
    const last = segments.at(-1);
    if (last === undefined || !(isShort(fragment) || (segments.length === 1 && isShort(last)))) {
      segments.push(fragment);
    } else {
      segments.splice(-1, 1, {
        size: last.size + fragment.size,
        duration: last.duration + fragment.duration,
      });
    }
  }
  return segments;
}

/**
 * Writes the `sidx` of a track (ISO/IEC 14496-12, 8.16.3): it stands right before the first fragment, so `first_offset`
 * is 0. Every fragment starts with a sync sample that is also presented first: SAP type 1, delta 0.
 * @throws RangeError when there are more fragments than an index holds
 */
export function writeSegmentIndex(timescale: number, fragments: readonly IndexedFragment[]): Buffer {
  if (fragments.length > mostReferences) {
    throw new RangeError(`An index holds ${mostReferences} fragments, not ${fragments.length}.`);
  }
  const startsWithSap = 0x90000000; // starts_with_SAP 1, SAP_type 1, SAP_delta_time 0
  return makeFullBox(
    'sidx',
    1,
    0,
    uint32(1, timescale),
    uint64(0), // earliest_presentation_time
    uint64(0), // first_offset
    uint32(fragments.length), // reserved (16 bits) and reference_count (16 bits)
    ...fragments.map(({ size, duration }) => uint32(size, duration, startsWithSap)),
  );
}
