import { setTimeout as sleep } from 'node:timers/promises';
import { QueueServiceClient } from '@azure/storage-queue';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { watchQueue } from '../../src/media-service/queue-watch.ts';
import type { Store } from '../../src/media-service/store/store.ts';
import type { Azurite } from '../../src/local/azurite.ts';
import { createJob } from './encoding-job.ts';
import { memoryLog, startAzuriteIn } from './running-service.ts';
import { storeOver } from './store/store-of-a-test.ts';

let azurite: Azurite;
let store: Store;
let connectionString = '';

beforeAll(async () => {
  azurite = await startAzuriteIn(['jobs']);
  ({ connectionString } = azurite.account('jobs'));
  store = await storeOver(connectionString);
});
afterAll(() => azurite.close());

test('the age of the oldest job that no encoder has is told, and nothing while none waits', async () => {
  expect(await store.encoding.waiting()).toEqual({ queued: 0, oldestSeconds: undefined });
  await createJob(store);
  await sleep(1100);
  await createJob(store);
  const waiting = await store.encoding.waiting();
  expect(waiting.queued).toBe(2);
  expect(waiting.oldestSeconds).toBeGreaterThanOrEqual(1);

  const lines: Readonly<Record<string, unknown>>[] = [];
  const stop = new AbortController();
  const watching = watchQueue(store.encoding, memoryLog(lines), stop.signal, 20);
  await vi.waitFor(() => expect(lines).not.toHaveLength(0));
  expect(lines[0]).toMatchObject({ event: 'EncodingQueueWaiting', queued: 2 });

  const taken = [await store.encoding.take(), await store.encoding.take()];
  expect((await store.encoding.waiting()).oldestSeconds).toBeUndefined();
  stop.abort();
  await watching;
  for (const job of taken) await job?.canceled();
});

test('looking queues a job again whose message was lost, without an encoder', async () => {
  const other = await storeOver(connectionString, { leaseSeconds: 1, sweepMilliseconds: 0 });
  await createJob(store);
  await QueueServiceClient.fromConnectionString(connectionString)
    .getQueueClient('media-jobs')
    .clearMessages();
  await vi.waitFor(async () => expect((await other.encoding.waiting()).queued).toBe(1), {
    timeout: 20_000,
    interval: 500,
  });
});

test('a storage that does not answer does not keep the watching from ending', async () => {
  const stop = new AbortController();
  const never = { waiting: () => new Promise<never>(() => undefined) };
  const watching = watchQueue(never, memoryLog([]), stop.signal);
  stop.abort();
  await watching;
});
