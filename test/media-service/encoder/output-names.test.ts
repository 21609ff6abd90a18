import { expect, test } from 'vitest';
import { baseName } from '../../../src/media-service/encoder/output-names.ts';

test.each([
  ['hello.mp4', 'hello'],
  ['my film.mp4', 'my film'],
  ['folder/inner/film.mov', 'film'],
  ['my.film.v2.mp4', 'my-film-v2'],
  ["it's (100%) & more?.mp4", 'it-s -100-- - more-'],
  ['Дом-дома.mkv', 'Дом-дома'],
  ['e\u0301te\u0301.mp4', 'été'],
  ['без расширения', 'без расширения'],
  ['.mp4', 'video'],
  ['   .mp4', 'video'],
  ['a<b>"c".mp4', 'a-b--c-'],
  ['rtl\u202e4pm\u0085.mp4', 'rtl-4pm-'],
])('%s becomes %s', (input, expected) => {
  expect(baseName(input)).toBe(expected);
});

test('what is too long is cut between characters, so that every file name keeps to 260', () => {
  expect(baseName(`${'x'.repeat(199)}😀😀.mp4`)).toBe('x'.repeat(199));
  expect(baseName(`${'é'.repeat(500)}.mp4`)).toHaveLength(200);
});
