import { TableClient, TableServiceClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AssetId } from '../../src/media-service/model.ts';
import { requestHash } from '../../src/streams/request-hash.ts';
import type { RunId, StreamId } from '../../src/streams/stream-id.ts';
import { TwoDataCenters } from '../two-data-centers.ts';
import { sampleOf, shapeOf } from '../docs/samples.ts';
import { FunctionApp, type Answer } from './function-app.ts';

describe('the HTTP API', () => {
  let both: TwoDataCenters;
  let app: FunctionApp;
  const answers: string[] = [];
  /** The operation that published the stream hello. */
  let published = '';
  /** What a re-sync reported. */
  let reported: unknown;

  beforeAll(async () => {
    both = await TwoDataCenters.start();
    await both.startFixtureEncoder('a', (input) => (input === 'slow.mp4' ? 'hang' : 'finish'));
    app = await FunctionApp.start(both.workflowSettings());
  });
  afterAll(async () => {
    await app.kill();
    await both.close();
  });

  const call = async (...given: Parameters<FunctionApp['call']>): Promise<Answer> => {
    const answer = await app.call(...given);
    // An upload's URL is the one secret that is to be given out.
    if (given[1] !== '/api/uploads') answers.push(answer.text);
    return answer;
  };

  async function upload(fileName: string, content = 'a video'): Promise<string> {
    const { status, json } = await call('POST', '/api/uploads', { fileName });
    expect(status).toBe(201);
    const put = await fetch(json['uploadUrl'] as string, {
      method: 'PUT',
      headers: { 'x-ms-blob-type': 'BlockBlob' },
      body: content,
    });
    expect(put.status).toBe(201);
    return json['assetId'] as string;
  }

  it('answers its health to anybody, and everything else to a key only', async () => {
    expect(await call('GET', '/api/health', undefined, { key: '' })).toMatchObject({
      status: 200,
      json: { status: 'healthy' },
    });
    const { json } = await call('GET', '/api/openapi.json');
    const paths = Object.entries(json['paths'] as Record<string, Record<string, { security?: unknown }>>);
    const closed = paths.flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { security }]) =>
        security ? [] : [[method, path] as const],
      ),
    );
    expect(closed).toHaveLength(10);
    for (const [method, path] of closed) {
      expect((await call(method.toUpperCase(), path, undefined, { key: '' })).status, path).toBe(401);
      expect((await call(method.toUpperCase(), path, undefined, { key: 'wrong' })).status, path).toBe(401);
    }
  });

  it('publishes one stream for the same request, also at the very same moment, and refuses another input', async () => {
    const assetId = await upload('my film (1).mp4');
    const body = { streamId: 'hello', input: { assetId } };
    const posted = await Promise.all(Array.from({ length: 6 }, () => call('POST', '/api/streams', body)));
    expect(posted.map(({ status }) => status)).toEqual(Array(6).fill(202));
    const ids = new Set(posted.map(({ json }) => json['operationId']));
    expect(ids.size).toBe(1);
    const [operationId] = ids;
    expect(posted[0]!.headers.get('location')).toBe(`/api/operations/${String(operationId)}`);

    const other = { ...body, input: { assetId: await upload('other.mp4') } };
    const refused = await call('POST', '/api/streams', other);
    expect(refused).toMatchObject({ status: 409, json: { code: 'stream-exists' } });
    expect(refused.headers.get('content-type')).toBe('application/problem+json');

    published = String(operationId);
    const operation = await app.follow(operationId);
    expect(operation).toMatchObject({
      operationId,
      streamId: 'hello',
      kind: 'publish',
      status: 'succeeded',
      step: 'done',
      percent: 100,
      result: { protected: true, compared: { equal: true } },
    });
    const again = await call('POST', '/api/streams', body);
    expect(again).toMatchObject({ status: 202, json: { operationId, status: 'succeeded' } });
    expect(await call('POST', '/api/streams', other)).toMatchObject({
      status: 409,
      json: { code: 'stream-exists' },
    });
    for (const side of ['a', 'b'] as const) {
      expect(await both.media(side).assetsByAlternateId('hello')).toHaveLength(1);
      const { locatorId } = operation['result'] as { locatorId: string };
      expect((await both.locatorsOf(side)).origin).toEqual([locatorId]);
    }
  });

  it('shows a stream and lists streams', async () => {
    const { status, json } = await call('GET', '/api/streams/hello');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      streamId: 'hello',
      source: 'a',
      protected: true,
      differences: [],
      sides: { a: { reachable: true, files: 5, revision: 1 }, b: { reachable: true, files: 5, revision: 1 } },
    });
    const { a, b } = json['sides'] as Record<'a' | 'b', { urls: { hls: string } }>;
    expect(new URL(a.urls.hls).pathname).toBe(new URL(b.urls.hls).pathname);
    expect(await call('GET', '/api/streams?limit=1')).toMatchObject({
      status: 200,
      json: {
        streams: [{ streamId: 'hello', source: 'a' }],
        sides: { a: { reachable: true }, b: { reachable: true } },
      },
    });
    expect((await call('GET', '/api/streams?limit=0')).status).toBe(400);
    expect(await call('GET', '/api/streams/nobody')).toMatchObject({
      status: 404,
      json: { code: 'stream-missing' },
    });
  });

  it('verifies, finds what is gone at the target, and repairs it', async () => {
    const verified = async (): Promise<Answer['json']> => {
      const { json } = await call('POST', '/api/streams/hello/verify', { level: 'bytes' });
      expect(await call('POST', `/api/operations/${String(json['operationId'])}/cancel`)).toMatchObject({
        status: 409,
        json: { code: 'not-cancelable' },
      });
      return app.follow(json['operationId']);
    };
    expect(await verified()).toMatchObject({ status: 'succeeded', result: { compared: { equal: true } } });
    const [replica] = await both.media('b').assetsByAlternateId('hello');
    const [locator] = await both.media('b').locators(replica!.Id);
    const account = both.azurite.account('mediab');
    const blobs = BlobServiceClient.fromConnectionString(account.connectionString);
    const container = blobs.getContainerClient(`asset-${replica!.Id.slice(-36)}`);
    await container.deleteBlob('hello_aac_128.cmfa');
    await both.media('b').deleteLocator(locator!.Id);
    expect(await verified()).toMatchObject({
      status: 'succeeded',
      result: {
        compared: {
          equal: false,
          differences: expect.arrayContaining([
            { kind: 'file-missing', file: 'hello_aac_128.cmfa' },
            { kind: 'locator-missing', side: 'target' },
          ]) as unknown,
        },
      },
    });
    const { json } = await call('POST', '/api/streams/hello/replicate');
    expect(await app.follow(json['operationId'])).toMatchObject({
      status: 'succeeded',
      kind: 'replicate',
      result: { protected: true, locatorId: locator!.Id },
    });
    expect(await verified()).toMatchObject({ result: { compared: { equal: true } } });
  });

  it('re-syncs: reports what is not protected, then repairs it', async () => {
    await both.publishFixture('a', 'unprotected');
    const run = async (mode: string): Promise<Answer['json']> => {
      const { status, json } = await call('POST', '/api/resync', { mode });
      expect(status).toBe(202);
      return app.follow(json['operationId']);
    };
    const report = await run('report');
    reported = report['result'];
    expect(report).toMatchObject({
      status: 'succeeded',
      kind: 'resync',
      result: {
        mode: 'report',
        level: 'properties',
        checked: 2,
        unprotected: 1,
        open: [{ streamId: 'unprotected' }],
      },
    });
    expect(await run('repair')).toMatchObject({
      status: 'succeeded',
      result: { mode: 'repair', repaired: 1, unprotected: 0 },
    });
    expect(await call('GET', '/api/streams/unprotected')).toMatchObject({ json: { protected: true } });
  });

  it('answers as docs/api.md shows', async () => {
    const { json: upload } = await call('POST', '/api/uploads', { fileName: 'film.mp4' });
    const { json: started } = await call('POST', '/api/streams/hello/replicate');
    await app.follow(started['operationId']);
    const { json: operation } = await call('GET', `/api/operations/${published}`);
    const { json: list } = await call('GET', '/api/streams?limit=1');
    expect(list['next']).toBe('hello');
    const answers = { upload, started, operation, list, resync: reported };
    for (const [name, answer] of Object.entries(answers)) {
      expect(shapeOf(answer), name).toEqual(shapeOf(await sampleOf(name)));
    }
    const body = { streamId: 'x', input: { url: 'https://example.com/a.mp4' }, preset: 'Best' };
    const { json: problem } = await call('POST', '/api/streams', body);
    expect(problem).toEqual(await sampleOf('problem'));
    expect(await call('GET', '/api/streams?limit=10&after=hello')).toMatchObject({
      json: { streams: [{ streamId: 'unprotected' }] },
    });
    // Of an upload that is not used here.
    for (const { Id } of await both.media('a').locators(upload['assetId'] as AssetId)) {
      await both.media('a').deleteLocator(Id);
    }
  });

  it('cancels a run: its job, its locators, its claim', async () => {
    // Of uploads that were never submitted.
    const { sas } = await both.locatorsOf('a');
    const body = { streamId: 'canceled', input: { assetId: await upload('slow.mp4') } };
    const { json } = await call('POST', '/api/streams', body);
    const operation = `/api/operations/${String(json['operationId'])}`;
    await vi.waitFor(
      async () =>
        expect((await call('GET', operation)).json).toMatchObject({ status: 'running', step: 'waitForJob' }),
      { timeout: 30_000, interval: 100 },
    );
    expect(await call('GET', '/api/streams/canceled')).toMatchObject({
      status: 404,
      json: { code: 'stream-missing', operationId: json['operationId'] },
    });
    expect((await call('POST', `${operation}/cancel`)).status).toBe(202);
    expect(await app.follow(json['operationId'])).toMatchObject({
      status: 'canceled',
      error: { code: 'canceled', retriable: false },
    });
    expect(await call('POST', `${operation}/cancel`)).toMatchObject({
      status: 409,
      json: { code: 'not-running' },
    });
    expect((await both.locatorsOf('a')).sas).toBe(sas);
    const [job] = await both.media('a').jobsByName(String(json['operationId']));
    expect(job?.State).toBe(5);
  });

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
    const answer = await call('POST', '/api/streams', body, { raw: typeof body === 'string' });
    expect(answer).toMatchObject({ status, json: { code, status } });
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(String(answer.json['detail']).length).toBeGreaterThan(10);
  });

  it('lists every problem of a request at once', async () => {
    const { json } = await call('POST', '/api/streams', {
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
    const answer = await call('POST', '/api/streams', body, { raw: true });
    expect(answer).toMatchObject({ status: 413, json: { code: 'body-too-large' } });
  });

  it('refuses an encrypted asset and one with two .ism files before it starts anything', async () => {
    const encrypted = await both.upload('a', { 'a.mp4': 'x' }, { name: 'secret', options: 1 });
    const twice = await both.upload('a', { 'a.ism': 'x', 'b.ism': 'y' });
    expect(
      await call('POST', '/api/streams', { streamId: 'x', input: { assetId: encrypted } }),
    ).toMatchObject({
      status: 422,
      json: { code: 'input-encrypted' },
    });
    expect(await call('POST', '/api/streams', { streamId: 'x', input: { assetId: twice } })).toMatchObject({
      status: 422,
      json: { code: 'manifest-count' },
    });
    expect(await both.dependencies.claims.read('x' as never)).toBeUndefined();
  });

  it('refuses an id that only the other data center uses, and leaves the upload for another id', async () => {
    await both.publishFixture('b', 'northern');
    const { json } = await call('POST', '/api/uploads', { fileName: 'film.mp4' });
    const put = { method: 'PUT', headers: { 'x-ms-blob-type': 'BlockBlob' }, body: 'a video' };
    expect((await fetch(json['uploadUrl'] as string, put)).status).toBe(201);
    const refused = await call('POST', '/api/streams', {
      streamId: 'northern',
      input: { assetId: json['assetId'] },
    });
    expect(refused).toMatchObject({ status: 409, json: { code: 'stream-exists' } });
    expect((await fetch(json['uploadUrl'] as string, put)).status).toBe(201);
  });

  it('takes the URL of a refused upload back, and leaves one to upload to that nothing has arrived at', async () => {
    const uploads = async (assetId: string): Promise<number> =>
      (await both.media('a').locators(assetId as AssetId)).length;
    const empty = await upload('empty.mp4', '');
    expect(await uploads(empty)).toBe(1);
    const body = { streamId: 'empty', input: { assetId: empty } };
    expect(await call('POST', '/api/streams', body)).toMatchObject({
      status: 422,
      json: { code: 'input-empty' },
    });
    expect(await uploads(empty)).toBe(0);

    const { json } = await call('POST', '/api/uploads', { fileName: 'late.mp4' });
    const late = json['assetId'] as string;
    expect(await call('POST', '/api/streams', { streamId: 'late', input: { assetId: late } })).toMatchObject({
      status: 422,
      json: { code: 'input-empty' },
    });
    expect(await uploads(late)).toBe(1);
  });

  it('describes itself in OpenAPI', async () => {
    const { status, json } = await call('GET', '/api/openapi.json');
    expect(status).toBe(200);
    expect(json['openapi']).toBe('3.1.0');
    expect(Object.keys(json['paths'] as object)).toContain('/api/streams/{streamId}/replicate');
  });

  it('makes the start of a claim good whose starter died, when its operation is asked for', async () => {
    const { claims } = both.dependencies;
    const runId = '00000000000000aa' as RunId;
    const subject = 'left' as StreamId;
    const operation = `/api/operations/${subject}-${runId}`;
    const input = {
      run: { streamId: subject, runId },
      source: 'a',
      input: { assetId: await upload('film.mp4') },
      requestHash: 'left',
      preset: 'Adaptive Streaming',
      patience: { source: 1, target: 1, job: 1 },
      resumes: false,
    };
    const claimed = { subject, runId, kind: 'publish', requestHash: 'left', publishHash: 'left' } as const;
    const fresh = { ...claimed, input, started: false, claimedAt: Date.now() };
    await claims.insert(fresh, undefined);
    // It may start it still.
    expect(await call('GET', operation)).toMatchObject({ status: 200, json: { step: 'start', percent: 0 } });
    expect(await call('POST', `${operation}/cancel`)).toMatchObject({
      status: 409,
      json: { code: 'not-running' },
    });
    await claims.replace(
      (await claims.read(subject))!,
      { ...fresh, claimedAt: Date.now() - 60_000 },
      undefined,
    );
    expect(await app.follow(`${subject}-${runId}`)).toMatchObject({ status: 'succeeded', kind: 'publish' });
  });

  it('knows no operation of a claim that re-sync did not come to start', async () => {
    const runId = '00000000000000ab' as RunId;
    const subject = 'left-by-re-sync' as StreamId;
    const hash = requestHash({ replicate: subject, by: 'resync' });
    const claimed = { subject, runId, kind: 'replicate', requestHash: hash, publishHash: undefined } as const;
    const claimedAt = Date.now() - 60_000;
    await both.dependencies.claims.insert({ ...claimed, input: {}, started: false, claimedAt }, undefined);
    expect(await call('GET', `/api/operations/${subject}-${runId}`)).toMatchObject({ status: 404 });
  });

  it('knows no operation that was never started', async () => {
    for (const id of ['hello-0000000000000000', 'nonsense', '..%2f..']) {
      expect(await call('GET', `/api/operations/${id}`)).toMatchObject({
        status: 404,
        json: { code: 'not-found' },
      });
    }
  });

  it('leaves no SAS signature, key or token in storage, answers or logs', async () => {
    const { connectionString } = both.azurite.account('functions');
    const stored: string[] = [];
    const tables = TableServiceClient.fromConnectionString(connectionString, {
      allowInsecureConnection: true,
    });
    for await (const { name } of tables.listTables()) {
      const table = TableClient.fromConnectionString(connectionString, name!, {
        allowInsecureConnection: true,
      });
      for await (const row of table.listEntities()) stored.push(JSON.stringify(row));
    }
    expect(stored.length).toBeGreaterThan(50);
    const blobs = BlobServiceClient.fromConnectionString(connectionString);
    for await (const { name } of blobs.listContainers()) {
      const container = blobs.getContainerClient(name);
      for await (const blob of container.listBlobsFlat()) {
        stored.push((await container.getBlobClient(blob.name).downloadToBuffer()).toString('latin1'));
      }
    }
    const queues = QueueServiceClient.fromConnectionString(connectionString);
    for await (const { name } of queues.listQueues()) {
      const { peekedMessageItems } = await queues.getQueueClient(name).peekMessages({ numberOfMessages: 32 });
      stored.push(...peekedMessageItems.map(({ messageText }) => messageText));
    }
    const everything = [...stored, ...answers, app.log].join('\n');
    expect(everything).not.toMatch(/[?&]sig=|%26sig%3D|Bearer [A-Za-z0-9]/);
    for (const secret of [...both.secrets(), ...app.secrets]) {
      expect(everything.includes(secret), secret.slice(0, 6)).toBe(false);
    }
  });
});
