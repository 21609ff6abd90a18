import { segmentCount, segmentSize, segmentTime, type SegmentIndex } from './segment-index.ts';
import { manifestTimescale } from './times.ts';

/** Seconds of one segment. */
function seconds(index: SegmentIndex, segment: number): number {
  return (segmentTime(index, segment + 1) - segmentTime(index, segment)) / manifestTimescale;
}

/** The longest segment, rounded to a whole second, one at least: EXT-X-TARGETDURATION (RFC 8216, 4.3.3.1). */
export function targetDuration(index: SegmentIndex): number {
  let longest = 1;
  for (let segment = 0; segment < segmentCount(index); segment += 1) {
    longest = Math.max(longest, Math.round(seconds(index, segment)));
  }
  return longest;
}

/**
 * Average segment bit rate of a playlist (RFC 8216, 4.1), bits a second, rounded up.
 */
export function averageBitrate(index: SegmentIndex): number {
  const count = segmentCount(index);
  const bytes = (index.offsets[count] ?? 0) - (index.offsets[0] ?? 0);
  const duration = (segmentTime(index, count) - segmentTime(index, 0)) / manifestTimescale;
  return duration > 0 ? Math.ceil((bytes * 8) / duration) : 0;
}

/**
 * Peak segment bit rate of a playlist (RFC 8216, 4.1), bits a second, rounded up: the largest bit rate of any contiguous
 * run of segments lasting between 0.5 and 1.5 target durations. A file shorter than any such run has its average.
 * @param target seconds: the target duration of the presentation
 */
export function peakBitrate(index: SegmentIndex, target: number): number {
  const count = segmentCount(index);
  let peak = 0;
  for (let first = 0; first < count; first += 1) {
    let duration = 0;
    let bytes = 0;
    for (let last = first; last < count; last += 1) {
      duration += seconds(index, last);
      if (duration > target * 1.5) break;
      bytes += segmentSize(index, last);
      if (duration >= target * 0.5) peak = Math.max(peak, (bytes * 8) / duration);
    }
  }
  return peak > 0 ? Math.ceil(peak) : averageBitrate(index);
}

/**
 * The least buffer, in seconds, with which a client that receives `bandwidth` bits a second plays from the start of any
 * segment to the end without a stall (ISO/IEC 23009-1, 5.3.5.4: @minBufferTime and @bandwidth go together). Each segment
 * must have come whole when its play begins.
 */
export function minimumBuffer(index: SegmentIndex, bandwidth: number): number {
  let worst = 0;
  let behind = 0;
  for (let segment = 0; segment < segmentCount(index); segment += 1) {
    const transfer = (segmentSize(index, segment) * 8) / bandwidth;
    behind = Math.max(0, behind) + transfer;
    worst = Math.max(worst, behind);
    behind -= seconds(index, segment);
  }
  return worst;
}
