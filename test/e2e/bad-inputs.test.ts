/** What cannot succeed is refused clearly, tried once, and leaves nothing half-published (check 5). */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dataCenterKeys } from '../../src/config.ts';
import { AssetOptions, JobState } from '../../src/media-service/model.ts';
import { makeClip, removeFolder, startStack, temporaryFolder, type StartedStack } from './local-stack.ts';
import { ended, locatorsIn, publish, submit, upload } from './publishing.ts';

let folder: string;
let stack: StartedStack;

beforeAll(async () => {
  folder = await temporaryFolder('bad-inputs');
  const clip = join(folder, 'good.mp4');
  await makeClip(clip, 1);
  stack = startStack({ dataDirectory: join(folder, 'data'), parameters: ['--input', clip] });
  expect(await stack.report).toMatchObject({ status: 'succeeded' });
});
afterAll(async () => {
  await stack.stop();
  await removeFolder(folder);
});

/** Nothing of the stream is published, and no SAS locator is left. */
async function expectNothingOf(streamId: string): Promise<void> {
  for (const key of dataCenterKeys) {
    const media = await stack.media(key);
    expect(await media.assetsByAlternateId(streamId)).toEqual([]);
    // The good stream's origin locator only.
    expect(await locatorsIn(stack, key)).toHaveLength(1);
  }
}

/** The jobs that were run for an operation: one at most. */
async function expectTriedOnce(operationId: string): Promise<void> {
  const media = await stack.media('a');
  const jobs = (await media.jobsByName(operationId)).concat();
  expect(jobs.length).toBeLessThanOrEqual(1);
  for (const { State } of jobs) expect(State).toBe(JobState.Error);
}

describe('an input that is no video', () => {
  test('a text file with the name of a video', async () => {
    const assetId = await upload(stack, 'notes.mp4', Buffer.from('Nothing but text.\n'.repeat(200)));
    const operation = await publish(stack, 'text', { assetId });
    expect(operation).toMatchObject({
      status: 'failed',
      error: {
        code: 'encoding-failed',
        retriable: false,
        message: expect.stringContaining('notes.mp4') as string,
      },
    });
    await expectTriedOnce(operation.operationId);
    await expectNothingOf('text');
  });

  test('an empty file', async () => {
    const assetId = await upload(stack, 'empty.mp4', Buffer.alloc(0));
    const operation = await publish(stack, 'empty', { assetId });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'input-empty', retriable: false } });
    await expectNothingOf('empty');
  });

  test('an asset that is not there', async () => {
    const assetId = 'nb:cid:UUID:00000000-0000-4000-8000-000000000000';
    const operation = await publish(stack, 'missing', { assetId });
    expect(operation).toMatchObject({ status: 'failed', error: { code: 'input-missing', retriable: false } });
    await expectNothingOf('missing');
  });

  test('a storage-encrypted asset', async () => {
    const media = await stack.media('a');
    const asset = await media.createAsset({ name: 'encrypted', options: AssetOptions.StorageEncrypted });
    const operation = await publish(stack, 'encrypted', { assetId: asset.Id });
    expect(operation).toMatchObject({
      status: 'failed',
      error: { code: 'input-encrypted', retriable: false },
    });
    await expectNothingOf('encrypted');
  });
});

describe('a URL that may not be fetched', () => {
  test.for([
    'http://127.0.0.1:9/x.mp4',
    'http://localhost:9/x.mp4',
    'http://[::1]:9/x.mp4',
    'http://169.254.169.254/latest/meta-data/x.mp4',
    'http://10.0.0.1/x.mp4',
    'http://0x7f000001/x.mp4',
  ])('%s', async (url) => {
    const streamId = `url-${Buffer.from(url).toString('hex').slice(-24)}`;
    const { status, body } = await submit(stack, streamId, { url });
    if (status === 202) {
      const operation = await ended(stack, body['operationId'] as string);
      expect(operation).toMatchObject({
        status: 'failed',
        error: { code: 'input-url-refused', retriable: false },
      });
    } else {
      expect({ status, body }).toMatchObject({ status: 400 });
    }
    await expectNothingOf(streamId);
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
    const answer = await stack.api('POST', '/api/streams', body);
    expect(answer).toMatchObject({ status: 400, body: { code: expect.any(String) as string } });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  const post = async (body: string, key?: string): Promise<Response> => {
    const { url, key: right } = (await stack.file()).functions!;
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
    const { mediaApi, tokenUrl, clientId } = (await stack.file()).dataCenters.a;
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
