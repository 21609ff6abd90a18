import { expect, test } from 'vitest';
import { blockSizeFor, blocksOf } from '../../src/blob-copy/blocks.ts';
import type { BlobSummary } from '../../src/blob-copy/container-sas.ts';
import { planCopy } from '../../src/blob-copy/plan.ts';

const blob = (name: string, more: Partial<BlobSummary> = {}): BlobSummary => ({
  name,
  size: 10,
  etag: '"1"',
  md5: 'aa',
  sourceMd5: undefined,
  ...more,
});

test('what is missing or different is copied, what is equal or extra is not', () => {
  const source = [blob('d new'), blob('c size'), blob('b md5'), blob('a equal')];
  const target = [
    blob('z extra'),
    blob('a equal', { etag: '"9"' }),
    blob('b md5', { md5: 'bb' }),
    blob('c size', { size: 9 }),
  ];
  const plan = planCopy(source, target);
  expect(plan.copy.map(({ name, isNew }) => [name, isNew])).toEqual([
    ['b md5', false],
    ['c size', false],
    ['d new', true],
  ]);
  expect(plan.bytes).toBe(30);
});

test.each<[string, Partial<BlobSummary>, Partial<BlobSummary>, boolean]>([
  [
    'a target without MD5 is known by the one it was copied with',
    {},
    { md5: undefined, sourceMd5: 'aa' },
    true,
  ],
  ['its own MD5 counts more than the one it was copied with', {}, { md5: 'bb', sourceMd5: 'aa' }, false],
  ['a source that is itself a copy without MD5', { md5: undefined, sourceMd5: 'aa' }, {}, true],
  ['no MD5 on either side proves nothing', { md5: undefined }, { md5: undefined }, false],
  ['a target with an MD5 proves nothing of a source without', { md5: undefined }, {}, false],
  ['a source without MD5 is known by its ETag', { md5: undefined }, { sourceEtag: '"1"' }, true],
  [
    '… and is another version with another one',
    { md5: undefined, etag: '"2"' },
    { sourceEtag: '"1"' },
    false,
  ],
  ['an equal MD5 does not make up for another size', {}, { size: 11 }, false],
])('%s', (_, source, target, equal) => {
  expect(planCopy([blob('x', source)], [blob('x', target)]).copy).toHaveLength(equal ? 0 : 1);
});

const [mebibyte, tebibyte] = [2 ** 20, 2 ** 40];

test('blocks grow so that a huge blob stays within 50,000 of them', () => {
  expect(blockSizeFor(0)).toBe(8 * mebibyte);
  expect(blockSizeFor(50_000 * 8 * mebibyte)).toBe(8 * mebibyte);
  expect(blockSizeFor(50_000 * 8 * mebibyte + 1)).toBe(9 * mebibyte);
  for (const size of [0.4 * tebibyte, tebibyte, 100 * tebibyte, 190 * tebibyte]) {
    expect(Math.ceil(size / blockSizeFor(size)!)).toBeLessThanOrEqual(50_000);
  }
  expect(blockSizeFor(191 * tebibyte)).toBeUndefined();
});

test('blocks cover a blob without gap, and their ids tell version and place', () => {
  const version = { name: 'a', etag: '"1"', size: 25 };
  const blocks = blocksOf(version, 10);
  expect(blocks.map(({ offset, count }) => [offset, count])).toEqual([[0, 10], [10, 10], [20, 5]]); // prettier-ignore
  expect(blocksOf(version, 10)).toEqual(blocks);
  const ids = [version, { ...version, etag: '"2"' }, { ...version, name: 'b' }, { ...version, size: 26 }]
    .flatMap((other) => blocksOf(other, 10))
    .concat(blocksOf(version, 5))
    .map(({ id }) => id);
  expect(new Set(ids).size).toBe(3 * 4 + 5);
  // All ids of a blob must have one length, at most 64 bytes before the encoding (Put Block).
  expect(new Set(ids.map((id) => id.length)).size).toBe(1);
  expect(Buffer.from(ids[0]!, 'base64').length).toBeLessThanOrEqual(64);
});
