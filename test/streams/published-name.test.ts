import { expect, it } from 'vitest';
import {
  formatPublishedName,
  inputAlternateId,
  parsePublishedName,
  type PublishedName,
} from '../../src/streams/published-name.ts';
import { isStreamId, type StreamId } from '../../src/streams/stream-id.ts';
import { seeded } from '../seeded.ts';

it('is read as it was written, whatever it says', () => {
  const random = seeded(21);
  const one = <Item>(items: ArrayLike<Item>): Item => items[Math.floor(random() * items.length)]!;
  const letters = 'ABCXYZabcxyz0189';
  for (let turn = 0; turn < 500; turn += 1) {
    const rest = Array.from({ length: Math.floor(random() * 64) }, () => one(`${letters}_-`)).join('');
    const name: PublishedName = {
      streamId: `${one(letters)}${rest}` as StreamId,
      source: one(['a', 'b'] as const),
      revision: 1 + Math.floor(random() * 999_999_998),
      mark: one([undefined, 'ignored', 'deleted'] as const),
    };
    expect(parsePublishedName(formatPublishedName(name))).toEqual(name);
  }
});

it('is written as the documentation tells it', () => {
  const name = { streamId: 'hello' as StreamId, source: 'a', revision: 3 } as const;
  expect(formatPublishedName({ ...name, mark: undefined })).toBe('hello source=a revision=3');
  expect(formatPublishedName({ ...name, mark: 'ignored' })).toBe('hello source=a revision=3 ignored');
});

it.each([
  null,
  '',
  'hello',
  'hello source=a',
  'hello source=c revision=1',
  'hello source=a revision=0',
  'hello source=a revision=01',
  'hello source=a revision=-1',
  'hello source=a revision=1.5',
  'hello source=a revision=1 gone',
  'hello source=a revision=1 ',
  ' hello source=a revision=1',
  'hello source=a revision=1\n',
  'hello world source=a revision=1',
  '-hello source=a revision=1',
  'hellö source=a revision=1',
  `${'h'.repeat(65)} source=a revision=1`,
])('is not %j: another asset’s name', (text) => {
  expect(parsePublishedName(text)).toBeUndefined();
});

it('an input’s AlternateId is never a stream’s', () => {
  expect(isStreamId(inputAlternateId('hello' as StreamId))).toBe(false);
});
