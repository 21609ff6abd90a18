import { expect, it } from 'vitest';
import {
  errorCodes,
  errorOf,
  failureOf,
  failureText,
  parseFailureText,
  type ErrorCode,
  type Failure,
} from '../../src/streams/errors.ts';
import { seeded } from '../seeded.ts';

const codes = Object.keys(errorCodes) as ErrorCode[];

it('a failure is read as it was written, through any number of orchestrations', () => {
  const random = seeded(22);
  const one = <Item>(items: ArrayLike<Item>): Item => items[Math.floor(random() * items.length)]!;
  const words = ['storage', "'one'", '[a]', '(2)', 'ü 映画', 'failed:', 'line\nbreak', '503', '[x, y]', ''];
  for (let turn = 0; turn < 500; turn += 1) {
    const failure: Failure = {
      code: one(codes),
      message: Array.from({ length: Math.floor(random() * 8) }, () => one(words)).join(' '),
      retriable: random() < 0.5,
    };
    const prefix = "Orchestrator function 'replicateStream' failed: ".repeat(Math.floor(random() * 3));
    expect(parseFailureText(`${prefix}${failureText(failure)}`)).toEqual(failure);
  }
});

it.each([
  '',
  'Cannot read properties of undefined',
  'odd [no-such-code, final]',
  'odd [internal, perhaps]',
  'odd [toString, final]',
])('%j is a fault of the program', (text) => {
  expect(parseFailureText(text)).toEqual({ code: 'internal', message: text, retriable: false });
});

it('a text without an end is cut', () => {
  expect(parseFailureText('x'.repeat(5000)).message).toHaveLength(1000);
});

it.each([true, false])('an error says the same as its failure, retriable: %s', (retriable) => {
  const failure: Failure = { code: 'storage-refused', message: 'No.', retriable };
  expect(failureOf(errorOf(failure))).toEqual(failure);
});
