import { expect, test } from 'vitest';
import { assetFileName } from '../../src/streams/asset-file-name.ts';

test.each([
  ['my film.mp4', 'my film.mp4'],
  ['C:\\films\\one.two.mov', 'one-two.mov'],
  ['rtl\u202e4pm\u009b.mp4', 'rtl-4pm-.mp4'],
  ['half \ud800.mp4', 'half -.mp4'],
  [`${'x'.repeat(255)}😀.mp4`, `${'x'.repeat(255)}.mp4`],
])('%j becomes %j', (name, expected) => {
  expect(assetFileName(name)).toBe(expected);
});
