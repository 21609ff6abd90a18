import { expect, it } from 'vitest';
import type { AssetId } from '../../../src/media-service/model.ts';
import type { ApiUnderTest } from './api-under-test.ts';

/** What the HTTP API refuses before anything starts. */
export function refusedRequests(started: () => ApiUnderTest): void {
  it.each([
    ['not JSON', '{', 400, 'bad-json'],
    ['a JSON that is no object', '[]', 400, 'bad-request'],
    ['nothing', '', 400, 'bad-request'],
    [
      'an unknown property',
      { streamId: 'x', input: { url: 'https://example.com/a.mp4' }, colour: 1 },
      400,
      'bad-request',
    ],
    ['no input', { streamId: 'x' }, 400, 'bad-request'],
    [
      'two inputs',
      {
        streamId: 'x',
        input: {
          url: 'https://example.com/a.mp4',
          assetId: 'nb:cid:UUID:00000000-0000-4000-8000-000000000000',
        },
      },
      400,
      'bad-request',
    ],
    [
      'an unknown preset',
      { streamId: 'x', input: { url: 'https://example.com/a.mp4' }, preset: 'Best' },
      400,
      'bad-request',
    ],
    [
      'a preset of many levels',
      `{"streamId": "x", "input": {"url": "https://example.com/a.mp4"}, "preset": ${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
      400,
      'bad-request',
    ],
    [
      'a private address',
      { streamId: 'x', input: { url: 'http://169.254.169.254/latest' } },
      422,
      'input-url-refused',
    ],
    ['another scheme', { streamId: 'x', input: { url: 'file:///etc/passwd' } }, 400, 'bad-request'],
    [
      'a missing asset',
      { streamId: 'x', input: { assetId: '00000000-0000-4000-8000-000000000000' } },
      422,
      'input-missing',
    ],
    [
      'another home',
      { streamId: 'x', source: 'b', input: { url: 'https://example.com/a.mp4' } },
      409,
      'not-home',
    ],
    ...['', 'a/b', '../x', '-x', 'a b', 'ü', 'x'.repeat(65), 'a#b', '~resync'].map(
      (streamId) =>
        [
          `the stream id "${streamId.slice(0, 10)}"`,
          { streamId, input: { url: 'https://example.com/a.mp4' } },
          400,
          'bad-request',
        ] as const,
    ),
  ] as const)('refuses %s, and says what is wrong', async (_case, body, status, code) => {
    const answer = await started().call('POST', '/api/streams', body, { raw: typeof body === 'string' });
    expect(answer).toMatchObject({ status, json: { code, status } });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(String(answer.json['detail']).length).toBeGreaterThan(10);
  });

  it('lists every problem of a request at once', async () => {
    const { json } = await started().call('POST', '/api/streams', {
      streamId: 'a b',
      input: {},
      preset: 'Best',
      more: 1,
    });
    const problems = json['problems'] as { at: string }[];
    expect(problems.map(({ at }) => at).sort()).toEqual(['', 'input', 'preset', 'streamId']);
  });

  it('refuses a body of 10 MB', async () => {
    const body = JSON.stringify({ streamId: 'x', input: { url: `https://example.com/${'x'.repeat(1e7)}` } });
    const answer = await started().call('POST', '/api/streams', body, { raw: true });
    expect(answer).toMatchObject({ status: 413, json: { code: 'body-too-large' } });
  });

  it('refuses an encrypted asset and one with two .ism files before it starts anything', async () => {
    const encrypted = await started().both.upload('a', { 'a.mp4': 'x' }, { name: 'secret', options: 1 });
    const twice = await started().both.upload('a', { 'a.ism': 'x', 'b.ism': 'y' });
    expect(
      await started().call('POST', '/api/streams', { streamId: 'x', input: { assetId: encrypted } }),
    ).toMatchObject({
      status: 422,
      json: { code: 'input-encrypted' },
    });
    expect(
      await started().call('POST', '/api/streams', { streamId: 'x', input: { assetId: twice } }),
    ).toMatchObject({
      status: 422,
      json: { code: 'manifest-count' },
    });
    expect(await started().both.dependencies.claims.read('x' as never)).toBeUndefined();
  });

  it('refuses an id that only the other data center uses, and leaves the upload for another id', async () => {
    await started().both.publishFixture('b', 'northern');
    const { json } = await started().call('POST', '/api/uploads', { fileName: 'film.mp4' });
    const put = { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: 'a video' };
    expect((await fetch(json['uploadUrl'] as string, put)).status).toBe(201);
    const refused = await started().call('POST', '/api/streams', {
      streamId: 'northern',
      input: { assetId: json['assetId'] },
    });
    expect(refused).toMatchObject({ status: 409, json: { code: 'stream-exists' } });
    expect((await fetch(json['uploadUrl'] as string, put)).status).toBe(201);
  });

  it('takes the URL of a refused upload back, and leaves one to upload to that nothing has arrived at', async () => {
    const uploads = async (assetId: string): Promise<number> =>
      (
        await started()
          .both.media('a')
          .locators(assetId as AssetId)
      ).length;
    const empty = await started().upload('empty.mp4', '');
    expect(await uploads(empty)).toBe(1);
    const body = { streamId: 'empty', input: { assetId: empty } };
    expect(await started().call('POST', '/api/streams', body)).toMatchObject({
      status: 422,
      json: { code: 'input-empty' },
    });
    expect(await uploads(empty)).toBe(0);

    const { json } = await started().call('POST', '/api/uploads', { fileName: 'late.mp4' });
    const late = json['assetId'] as string;
    expect(
      await started().call('POST', '/api/streams', { streamId: 'late', input: { assetId: late } }),
    ).toMatchObject({
      status: 422,
      json: { code: 'input-empty' },
    });
    expect(await uploads(late)).toBe(1);
  });
}
