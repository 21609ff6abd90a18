import { expect, test } from 'vitest';
import { checkStatedLength, longestPlausible } from '../../../src/media-service/encoder/plausible-length.ts';
import { probeOutput, readSourceMedia } from '../../../src/media-service/encoder/source-media.ts';

const media = (rate: string, duration: number, format = 'matroska,webm') =>
  readSourceMedia(
    probeOutput.parse({
      streams: [
        {
          ...{ index: 0, codec_type: 'video', codec_name: 'h264', width: 1280, height: 720 },
          ...{ avg_frame_rate: rate, r_frame_rate: rate },
        },
      ],
      format: { duration: String(duration), format_name: format },
    }),
    'film.mkv',
  );
const hours = (count: number): number => count * 3600;

test.each([
  ['ten hours of 600 slides', 7_900_000, '1/60', hours(10)],
  ['ten hours of slides in so few bytes that nobody could read them', 1_000_000, '1/60', hours(10)],
  ['ten hours of black at 25 pictures a second', 16_400_000, '25/1', hours(10)],
  ['five minutes of one picture', 900, '60/1', 300],
  ['a film', 4_000_000_000, '24/1', hours(3)],
])('%s may be', (_, size, rate, duration) => {
  expect(() => checkStatedLength({ name: 'film.mkv', size }, media(rate, duration))).not.toThrow();
});

test.each([
  ['a day between two pictures', 7814, '60/1', 100_000],
  ['the same as slides', 7814, '1/50000', 100_000],
  ['an hour of 60 pictures a second', 100_000, '60/1', hours(1)],
])('%s may not', (_, size, rate, duration) => {
  const input = { name: 'film.mkv', size };
  expect(() => checkStatedLength(input, media(rate, duration))).toThrow(/gaps between its pictures/);
  // Estimates (MPEG-TS whose clock starts anew) are not believed: the encoder finds out.
  expect(() => checkStatedLength(input, media(rate, duration, 'mpegts'))).not.toThrow();
  expect(longestPlausible(input, media(rate, duration, 'mpegts'))).toBeLessThan(duration);
});
