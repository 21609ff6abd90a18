import { describe, expect, it } from 'vitest';
import {
  averageBitrate,
  minimumBuffer,
  peakBitrate as peakOfTarget,
  targetDuration,
} from '../../../src/media-service/packager/bandwidth.ts';
import type { SegmentIndex } from '../../../src/media-service/packager/segment-index.ts';
import { seeded } from '../../seeded.ts';

const peakBitrate = (index: SegmentIndex): number => peakOfTarget(index, targetDuration(index));

/** Segments of so many seconds and bytes each. */
function indexOf(...segments: readonly (readonly [seconds: number, bytes: number])[]): SegmentIndex {
  const times = [0];
  const offsets = [1000];
  for (const [seconds, bytes] of segments) {
    times.push(times.at(-1)! + Math.round(seconds * 1000));
    offsets.push(offsets.at(-1)! + bytes);
  }
  return { timescale: 1000, times: Float64Array.from(times), offsets: Float64Array.from(offsets) };
}

describe('bit rates (RFC 8216, 4.1)', () => {
  it('target duration is the longest segment, rounded', () => {
    expect(targetDuration(indexOf([2, 1], [2.4, 1], [0.3, 1]))).toBe(2);
    expect(targetDuration(indexOf([2, 1], [2.5, 1]))).toBe(3);
    expect(targetDuration(indexOf([0.2, 1]))).toBe(1);
  });

  it('the peak is that of the heaviest run of 0.5 to 1.5 target durations', () => {
    expect(peakBitrate(indexOf([2, 1000], [2, 3000], [2, 1000]))).toBe(12_000);
    // Runs of two segments of one second count (2 s of 2 s), as do single ones (1 s).
    expect(peakBitrate(indexOf([2, 1000], [1, 1000], [1, 3000]))).toBe(24_000);
    expect(peakBitrate(indexOf([4, 1000], [1.9, 9000], [1.9, 9000], [4, 1]))).toBe(Math.ceil(144_000 / 3.8));
  });

  it('a short last segment does not count alone', () => {
    const index = indexOf([2, 10_000], [2, 10_000], [0.1, 5000]);
    expect(peakBitrate(index)).toBe(Math.ceil((15_000 * 8) / 2.1));
  });

  it('a video shorter than any run has its average', () => {
    expect(peakBitrate(indexOf([0.3, 300]))).toBe(8000);
  });

  it('the average is all bits over all seconds, rounded up', () => {
    expect(averageBitrate(indexOf([2, 1000], [1, 1000]))).toBe(Math.ceil(16_000 / 3));
  });
});

describe('the least buffer', () => {
  /** Whether playing at `bandwidth` from segment `first`, begun `buffer` seconds late, never waits. */
  const plays = (index: SegmentIndex, bandwidth: number, buffer: number, first: number): boolean => {
    let received = 0;
    let due = buffer;
    for (let segment = first; segment < index.times.length - 1; segment += 1) {
      received += ((index.offsets[segment + 1]! - index.offsets[segment]!) * 8) / bandwidth;
      if (received > due + 1e-9) return false;
      due += (index.times[segment + 1]! - index.times[segment]!) / 1000;
    }
    return true;
  };

  it('is enough from every segment, and not a bit more', () => {
    const random = seeded(3);
    for (let run = 0; run < 200; run += 1) {
      const segments = Array.from({ length: 1 + Math.floor(random() * 20) }, (): [number, number] => [
        0.5 + random() * 3,
        Math.floor(random() * 5000) + 1,
      ]);
      const index = indexOf(...segments);
      const bandwidth = 1000 + random() * 20_000;
      const buffer = minimumBuffer(index, bandwidth);
      const starts = segments.map((_, first) => first);
      expect(starts.every((first) => plays(index, bandwidth, buffer, first))).toBe(true);
      expect(starts.every((first) => plays(index, bandwidth, buffer * 0.999 - 0.001, first))).toBe(false);
    }
  });
});
