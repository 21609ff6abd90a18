/** What cannot succeed is refused clearly, tried once, and leaves nothing half-published (check 5). */
import { describe, expect, test } from 'vitest';
import { dataCenterKeys } from '../../src/streams/data-center.ts';
import { AssetOptions, JobState } from '../../src/media-service/model.ts';
import { publishedStack } from './published-stack.ts';
import { locatorsIn, publish, submit, upload } from './publishing.ts';

const published = publishedStack('bad-inputs');

/** Nothing of the stream is published, and no locator is left but the good stream's: no URL to upload to, either. */
async function expectNothingOf(streamId: string): Promise<void> {
  for (const key of dataCenterKeys) {
    const media = await published.stack.media(key);
    expect(await media.assetsByAlternateId(streamId)).toEqual([]);
    expect(await locatorsIn(published.stack, key)).toHaveLength(1);
  }
}

test('a text file with the name of a video fails once, clearly, and leaves nothing', async () => {
  const assetId = await upload(published.stack, 'notes.mp4', Buffer.from('Nothing but text.\n'.repeat(200)));
  const operation = await publish(published.stack, 'text', { assetId });
  expect(operation).toMatchObject({
    status: 'failed',
    error: {
      code: 'encoding-failed',
      retriable: false,
      message: expect.stringContaining('notes.mp4') as string,
    },
  });
  const jobs = await (await published.stack.media('a')).jobsByName(operation.operationId);
  expect(jobs.map(({ State }) => State)).toEqual([JobState.Error]);
  await expectNothingOf('text');
});

describe('an input that cannot be encoded is refused before anything begins:', () => {
  async function expectRefused(streamId: string, input: unknown, code: string): Promise<void> {
    expect(await submit(published.stack, streamId, input)).toMatchObject({ status: 422, body: { code } });
    await expectNothingOf(streamId);
  }

  test('an empty file', async () => {
    const assetId = await upload(published.stack, 'empty.mp4', Buffer.alloc(0));
    await expectRefused('empty', { assetId }, 'input-empty');
  });

  test('an asset that is not there', async () => {
    const assetId = 'nb:cid:UUID:00000000-0000-4000-8000-000000000000';
    await expectRefused('missing', { assetId }, 'input-missing');
  });

  test('a storage-encrypted asset', async () => {
    const media = await published.stack.media('a');
    const { Id } = await media.createAsset({ name: 'encrypted', options: AssetOptions.StorageEncrypted });
    await expectRefused('encrypted', { assetId: Id }, 'input-encrypted');
  });

  test.for([
    'http://127.0.0.1:9/x.mp4',
    'http://localhost:9/x.mp4',
    'http://[::1]:9/x.mp4',
    'http://[::ffff:10.0.0.1]/x.mp4',
    'http://169.254.169.254/latest/meta-data/x.mp4',
    'http://10.0.0.1/x.mp4',
    'http://0x7f000001/x.mp4',
  ])('%s', async (url) => {
    await expectRefused('private', { url }, 'input-url-refused');
  });
});

describe('a request that is refused at once', () => {
  const good = { streamId: 'x', input: { assetId: 'nb:cid:UUID:00000000-0000-4000-8000-000000000000' } };

  test.for([
    ['an unknown preset', { ...good, preset: 'Best Ever' }],
    ['a stream id with a slash', { ...good, streamId: 'a/b' }],
    ['a stream id of dots', { ...good, streamId: '..' }],
    ['an empty stream id', { ...good, streamId: '' }],
    ['a stream id that is too long', { ...good, streamId: 'x'.repeat(300) }],
    ['a stream id that is a number', { ...good, streamId: 7 }],
    ['an unknown data center', { ...good, source: 'c' }],
    ['no input', { streamId: 'x' }],
    ['two inputs', { ...good, input: { ...good.input, url: 'https://x.example/x.mp4' } }],
    ['a URL of another scheme', { ...good, input: { url: 'file:///etc/passwd' } }],
    ['a member nobody knows', { ...good, colour: 'red' }],
    ['a list', []],
  ] as const)('%s', async ([, body]) => {
    const answer = await published.stack.api('POST', '/api/streams', body);
    expect(answer).toMatchObject({ status: 400, body: { code: expect.any(String) as string } });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  const post = async (body: string, key?: string): Promise<Response> => {
    const { url, key: right } = (await published.stack.file()).functions!;
    return await fetch(`${url}/api/streams`, {
      method: 'POST',
      headers: { 'x-functions-key': key ?? right },
      body,
    });
  };

  test('a body that is not JSON', async () => {
    const response = await post('{"streamId":');
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });

  test('a body of 10 MB', async () => {
    const response = await post(JSON.stringify({ ...good, preset: 'x'.repeat(10_000_000) }));
    expect(response.status).toBe(413);
  });

  test('a wrong key', async () => {
    expect((await post(JSON.stringify(good), 'wrong')).status).toBe(401);
  });

  test('a wrong token at the media service', async () => {
    const { mediaApi, tokenUrl, clientId } = (await published.stack.file()).dataCenters.a;
    const call = (token: string): Promise<Response> =>
      fetch(`${mediaApi}Assets`, {
        headers: { authorization: `Bearer ${token}`, 'x-ms-version': '2.19', accept: 'application/json' },
      });
    expect((await call('wrong')).status).toBe(401);
    const token = await fetch(tokenUrl, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: 'wrong',
        resource: 'https://rest.media.azure.net',
      }),
    });
    expect(token.status).toBe(401);
  });
});
