import { expect, test } from 'vitest';
import { assetFileName } from '../../src/streams/asset-file-name.ts';
import { seeded } from '../seeded.ts';

test.each([
  ['my film.mp4', 'my film.mp4'],
  ['C:\\films\\one.two.mov', 'one-two.mov'],
  ['rtl\u202e4pm\u009b.mp4', 'rtl-4pm-.mp4'],
  ['/films/one', 'one.mp4'],
  ['one.a-long-extension', 'one.mp4'],
  ['*?.mov', 'input.mov'],
  ['', 'input.mp4'],
  ['half \ud800.mp4', 'half -.mp4'],
  [`${'x'.repeat(255)}😀.mp4`, `${'x'.repeat(255)}.mp4`],
])('%j becomes %j', (name, expected) => {
  expect(assetFileName(name)).toBe(expected);
});

test('whatever a file is called, its name is one that an AssetFile may have, and stays', () => {
  const random = seeded(23);
  const characters = [
    '\ud800',
    'e\u0301',
    ...Array.from('ab1 -_.!*\'();:@&=+$,/?%#[]"<>|\\ü映😀\0\u202e\u009b'),
  ];
  for (let turn = 0; turn < 1000; turn += 1) {
    const name = Array.from(
      { length: Math.floor(random() * (turn % 10 === 0 ? 400 : 30)) },
      () => characters[Math.floor(random() * characters.length)]!,
    ).join('');
    const made = assetFileName(name);
    // REST reference, AssetFile: the percent-encoding-reserved characters and `"` may not stand, and one dot at most.
    expect(made).toMatch(
      /^[^!*'();:@&=+$,/?%#[\]"<>|\\.\p{Cc}\p{Cf}\p{Cs}]+\.[^!*'();:@&=+$,/?%#[\]"<>|\\.\p{C}]+$/u,
    );
    expect(made.length).toBeLessThanOrEqual(260);
    expect(assetFileName(made)).toBe(made);
  }
});
