import { TableClient, TableServiceClient } from '@azure/data-tables';
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { AssetId } from '../../src/media-service/model.ts';
import { sampleOf, shapeOf } from '../docs/samples.ts';
import type { Answer } from './function-app.ts';
import { ApiUnderTest } from './http-api/api-under-test.ts';
import { claimsWithoutRuns } from './http-api/claims-without-runs.ts';
import { refusedRequests } from './http-api/refused-requests.ts';

// One stack for all of it: what any test makes the app answer or store is searched for secrets at the end.
describe('the HTTP API', () => {
  let api: ApiUnderTest;
  /** The operation that published the stream hello. */
  let published = '';
  /** What a re-sync reported. */
  let reported: unknown;

  beforeAll(async () => {
    api = await ApiUnderTest.start();
  });
  afterAll(() => api.close());

  it('answers its health to anybody, and everything else to a key only', async () => {
    expect(await api.call('GET', '/api/health', undefined, { key: '' })).toMatchObject({
      status: 200,
      json: { status: 'healthy' },
    });
    const { json } = await api.call('GET', '/api/openapi.json');
    const paths = Object.entries(json['paths'] as Record<string, Record<string, { security?: unknown }>>);
    const closed = paths.flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { security }]) =>
        security ? [] : [[method, path] as const],
      ),
    );
    expect(closed).toHaveLength(10);
    for (const [method, path] of closed) {
      expect((await api.call(method.toUpperCase(), path, undefined, { key: '' })).status, path).toBe(401);
      expect((await api.call(method.toUpperCase(), path, undefined, { key: 'wrong' })).status, path).toBe(
        401,
      );
    }
  });

  it('publishes one stream for the same request, also at the very same moment, and refuses another input', async () => {
    const assetId = await api.upload('my film (1).mp4');
    const body = { streamId: 'hello', input: { assetId } };
    const posted = await Promise.all(Array.from({ length: 6 }, () => api.call('POST', '/api/streams', body)));
    expect(posted.map(({ status }) => status)).toEqual(Array(6).fill(202));
    const ids = new Set(posted.map(({ json }) => json['operationId']));
    expect(ids.size).toBe(1);
    const [operationId] = ids;
    expect(posted[0]!.headers.get('location')).toBe(`/api/operations/${String(operationId)}`);

    const other = { ...body, input: { assetId: await api.upload('other.mp4') } };
    const refused = await api.call('POST', '/api/streams', other);
    expect(refused).toMatchObject({ status: 409, json: { code: 'stream-exists' } });
    expect(refused.headers.get('content-type')).toBe('application/problem+json');

    published = String(operationId);
    const operation = await api.app.follow(operationId);
    expect(operation).toMatchObject({
      operationId,
      streamId: 'hello',
      kind: 'publish',
      status: 'succeeded',
      step: 'done',
      percent: 100,
      result: { protected: true, compared: { equal: true } },
    });
    const again = await api.call('POST', '/api/streams', body);
    expect(again).toMatchObject({ status: 202, json: { operationId, status: 'succeeded' } });
    expect(await api.call('POST', '/api/streams', other)).toMatchObject({
      status: 409,
      json: { code: 'stream-exists' },
    });
    for (const side of ['a', 'b'] as const) {
      expect(await api.both.media(side).assetsByAlternateId('hello')).toHaveLength(1);
      const { locatorId } = operation['result'] as { locatorId: string };
      expect((await api.both.locatorsOf(side)).origin).toEqual([locatorId]);
    }
  });

  it('shows a stream and lists streams', async () => {
    const { status, json } = await api.call('GET', '/api/streams/hello');
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
    expect(await api.call('GET', '/api/streams?limit=1')).toMatchObject({
      status: 200,
      json: {
        streams: [{ streamId: 'hello', source: 'a' }],
        sides: { a: { reachable: true }, b: { reachable: true } },
      },
    });
    expect((await api.call('GET', '/api/streams?limit=0')).status).toBe(400);
    expect(await api.call('GET', '/api/streams/nobody')).toMatchObject({
      status: 404,
      json: { code: 'stream-missing' },
    });
  });

  it('verifies, finds what is gone at the target, and repairs it', async () => {
    const verified = async (): Promise<Answer['json']> => {
      const { json } = await api.call('POST', '/api/streams/hello/verify', { level: 'bytes' });
      expect(await api.call('POST', `/api/operations/${String(json['operationId'])}/cancel`)).toMatchObject({
        status: 409,
        json: { code: 'not-cancelable' },
      });
      return api.app.follow(json['operationId']);
    };
    expect(await verified()).toMatchObject({ status: 'succeeded', result: { compared: { equal: true } } });
    const [replica] = await api.both.media('b').assetsByAlternateId('hello');
    const [locator] = await api.both.media('b').locators(replica!.Id);
    const account = api.both.azurite.account('mediab');
    const blobs = BlobServiceClient.fromConnectionString(account.connectionString);
    const container = blobs.getContainerClient(`asset-${replica!.Id.slice(-36)}`);
    await container.deleteBlob('hello_aac_128.cmfa');
    await api.both.media('b').deleteLocator(locator!.Id);
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
    const { json } = await api.call('POST', '/api/streams/hello/replicate');
    expect(await api.app.follow(json['operationId'])).toMatchObject({
      status: 'succeeded',
      kind: 'replicate',
      result: { protected: true, locatorId: locator!.Id },
    });
    expect(await verified()).toMatchObject({ result: { compared: { equal: true } } });
  });

  it('re-syncs: reports what is not protected, then repairs it', async () => {
    await api.both.publishFixture('a', 'unprotected');
    const run = async (mode: string): Promise<Answer['json']> => {
      const { status, json } = await api.call('POST', '/api/resync', { mode });
      expect(status).toBe(202);
      return api.app.follow(json['operationId']);
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
    expect(await api.call('GET', '/api/streams/unprotected')).toMatchObject({ json: { protected: true } });
  });

  it('answers as docs/api.md shows', async () => {
    const { json: upload } = await api.call('POST', '/api/uploads', { fileName: 'film.mp4' });
    const { json: started } = await api.call('POST', '/api/streams/hello/replicate');
    await api.app.follow(started['operationId']);
    const { json: operation } = await api.call('GET', `/api/operations/${published}`);
    const { json: list } = await api.call('GET', '/api/streams?limit=1');
    expect(list['next']).toBe('hello');
    const answers = { upload, started, operation, list, resync: reported };
    for (const [name, answer] of Object.entries(answers)) {
      expect(shapeOf(answer), name).toEqual(shapeOf(await sampleOf(name)));
    }
    const body = { streamId: 'x', input: { url: 'https://example.com/a.mp4' }, preset: 'Best' };
    const { json: problem } = await api.call('POST', '/api/streams', body);
    expect(problem).toEqual(await sampleOf('problem'));
    expect(await api.call('GET', '/api/streams?limit=10&after=hello')).toMatchObject({
      json: { streams: [{ streamId: 'unprotected' }] },
    });
    // Of an upload that is not used here.
    for (const { Id } of await api.both.media('a').locators(upload['assetId'] as AssetId)) {
      await api.both.media('a').deleteLocator(Id);
    }
  });

  it('cancels a run: its job, its locators, its claim', async () => {
    // Of uploads that were never submitted.
    const { sas } = await api.both.locatorsOf('a');
    const body = { streamId: 'canceled', input: { assetId: await api.upload('slow.mp4') } };
    const { json } = await api.call('POST', '/api/streams', body);
    const operation = `/api/operations/${String(json['operationId'])}`;
    await vi.waitFor(
      async () =>
        expect((await api.call('GET', operation)).json).toMatchObject({
          status: 'running',
          step: 'waitForJob',
        }),
      { timeout: 30_000, interval: 100 },
    );
    expect(await api.call('GET', '/api/streams/canceled')).toMatchObject({
      status: 404,
      json: { code: 'stream-missing', operationId: json['operationId'] },
    });
    expect((await api.call('POST', `${operation}/cancel`)).status).toBe(202);
    expect(await api.app.follow(json['operationId'])).toMatchObject({
      status: 'canceled',
      error: { code: 'canceled', retriable: false },
    });
    expect(await api.call('POST', `${operation}/cancel`)).toMatchObject({
      status: 409,
      json: { code: 'not-running' },
    });
    expect((await api.both.locatorsOf('a')).sas).toBe(sas);
    const [job] = await api.both.media('a').jobsByName(String(json['operationId']));
    expect(job?.State).toBe(5);
  });

  refusedRequests(() => api);
  claimsWithoutRuns(() => api);

  it('describes itself in OpenAPI', async () => {
    const { status, json } = await api.call('GET', '/api/openapi.json');
    expect(status).toBe(200);
    expect(json['openapi']).toBe('3.1.0');
    expect(Object.keys(json['paths'] as object)).toContain('/api/streams/{streamId}/replicate');
  });

  it('leaves no SAS signature, key or token in storage, answers or logs', async () => {
    const { connectionString } = api.both.azurite.account('functions');
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
    const everything = [...stored, ...api.answers, api.app.log].join('\n');
    expect(everything).not.toMatch(/[?&]sig=|%26sig%3D|Bearer [A-Za-z0-9]/);
    for (const secret of [...api.both.secrets(), ...api.app.secrets]) {
      expect(everything.includes(secret), secret.slice(0, 6)).toBe(false);
    }
  });
});
