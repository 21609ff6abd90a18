import { expect, it } from 'vitest';
import { requestHash } from '../../src/streams/request-hash.ts';

const request = {
  input: { url: 'https://films.example/one.mp4' },
  preset: 'Adaptive Streaming',
  batches: [1, 2],
};

it('is the same however the members are ordered, and where absent is said', () => {
  const { input, preset, batches } = request;
  expect(requestHash({ batches, preset, input })).toBe(requestHash(request));
  expect(requestHash({ ...request, source: undefined })).toBe(requestHash(request));
  expect(requestHash(structuredClone(request))).toBe(requestHash(request));
});

it.each([
  { ...request, preset: 'adaptive streaming' },
  { ...request, input: { url: 'https://films.example/two.mp4' } },
  { ...request, input: { assetId: 'https://films.example/one.mp4' } },
  { ...request, batches: [2, 1] },
  { ...request, batches: ['1', '2'] },
  { ...request, source: null },
])('is another one for another request: %j', (other) => {
  expect(requestHash(other)).not.toBe(requestHash(request));
});

it('is a SHA-256 of canonical JSON', () => {
  // printf '{"a":[1,null],"b":"x"}' | sha256sum
  expect(requestHash({ b: 'x', a: [1, null] })).toBe(
    '3dece6dc8d22d61692b03c7d51836aaec96fd08a614e224565e177ad6ff9dbe2',
  );
});
