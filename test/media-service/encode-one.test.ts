import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { JobState, type JobId } from '../../src/media-service/model.ts';
import type { Store } from '../../src/media-service/store/store.ts';
import type { Azurite } from '../../src/local/azurite.ts';
import { createFilmJob } from './encoding-job.ts';
import { startAzuriteIn } from './running-service.ts';
import { storeOver } from './store/store-of-a-test.ts';

/** The encoder as the process that the queue starts. */
let azurite: Azurite;
let store: Store;
let connectionString = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  azurite = await startAzuriteIn(['mediaa']);
  ({ connectionString } = azurite.account('mediaa'));
  store = await storeOver(connectionString, { leaseSeconds: 30 });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(() => azurite.close());

function start(settings: Readonly<Record<string, string>> = {}): {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  readonly log: () => string;
} {
  const child = spawn(process.execPath, [resolve('dist/media-service/encode-one.mjs')], {
    env: {
      PATH: process.env['PATH'],
      MEDIA_SERVICE_ROLES: 'encoder',
      MEDIA_SERVICE_ACCOUNT: 'mediaa',
      STORAGE_CONNECTION_STRING: connectionString,
      ...settings,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  children.push(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  return { child, ended: once(child, 'exit'), log: () => log };
}

const stateOf = async (id: JobId): Promise<number | undefined> => (await store.jobs.get(id))?.State;

test('it takes one job of two, ends it, and ends itself', async () => {
  const jobs = [
    await createFilmJob(store, connectionString, 2),
    await createFilmJob(store, connectionString, 2),
  ];
  const encoder = start({ ENCODER_SPEED: 'ultrafast' });
  expect(await encoder.ended).toEqual([0, null]);
  const states = await Promise.all(jobs.map(stateOf));
  expect(states.toSorted((one, other) => Number(one) - Number(other))).toEqual([
    JobState.Queued,
    JobState.Finished,
  ]);
  for (const id of jobs) if ((await stateOf(id)) === JobState.Queued) await store.jobs.cancel(id);
  for (const line of encoder.log().trim().split('\n')) {
    expect(() => JSON.parse(line) as unknown).not.toThrow();
  }
});

test('told to stop, it gives its job back at once and ends without an error', async () => {
  const job = await createFilmJob(store, connectionString, 120);
  const encoder = start({ ENCODER_SPEED: 'medium' });
  await vi.waitFor(async () => expect(await stateOf(job)).toBe(JobState.Processing), { timeout: 30_000 });
  encoder.child.kill('SIGTERM');
  expect(await encoder.ended).toEqual([0, null]);
  expect(await stateOf(job)).toBe(JobState.Queued);
  expect((await store.encoding.waiting()).oldestSeconds).toBeDefined();
  await store.jobs.cancel(job);
});

test('settings that are not usable end it with an error', async () => {
  const encoder = start({ ENCODER_TIME_LIMIT_MINUTES: 'long', STORAGE_CONNECTION_STRING: '' });
  expect(await encoder.ended).toEqual([1, null]);
  expect(encoder.log()).toContain('ENCODER_TIME_LIMIT_MINUTES');
});
