import { expect, test } from 'vitest';
import { announcedBitrate, apart } from '../../../src/media-service/encoder/announced-bitrates.ts';
import { withoutShortSegments } from '../../../src/media-service/encoder/segment-index.ts';

/** Segments of two seconds that take these kbit/s. */
const segments = (...kbps: readonly number[]) => kbps.map((rate) => ({ size: rate * 250, duration: 2000 }));

test.each([
  ['what was planned', 1000, [900, 1000, 950], 1000],
  ['the average when that is more', 1000, [1016, 1017, 1018], 1017],
  // 2 s of 8,000 kbit/s come in the 4 s that a player waits for.
  ['what a peak needs that no waiting makes good', 1000, [100, 8000, 100, 100], 4000],
  // 8 s of 4,000 kbit/s come in 4 s and the 6 s that are played until the last is needed.
  ['what a hard part needs', 1000, [100, 4000, 4000, 4000, 4000, 100, 100, 100], 3200],
])('a track is said to take %s', (_, planned, kbps, expected) => {
  const bitrate = announcedBitrate(planned * 1000, segments(...kbps), 1000);
  expect(bitrate % 1000).toBe(0);
  expect(bitrate / 1000 - expected).toBeGreaterThanOrEqual(0);
  expect(bitrate / 1000 - expected).toBeLessThanOrEqual(1);
});

test('no two renditions have one bitrate', () => {
  expect(apart([500_000, 501_000, 501_000, 100_000])).toEqual([503_000, 502_000, 501_000, 100_000]);
});

test('short segments go with their neighbours', () => {
  const of = (...durations: number[]) => durations.map((duration) => ({ size: 1, duration }));
  expect(withoutShortSegments(1000, of(2000, 2000, 40))).toEqual([
    { size: 1, duration: 2000 },
    { size: 2, duration: 2040 },
  ]);
  expect(withoutShortSegments(1000, of(460, 2000, 2000))).toEqual([
    { size: 2, duration: 2460 },
    { size: 1, duration: 2000 },
  ]);
  expect(withoutShortSegments(1000, of(40))).toEqual(of(40));
  expect(withoutShortSegments(1000, of(2000, 500))).toEqual(of(2000, 500));
});
