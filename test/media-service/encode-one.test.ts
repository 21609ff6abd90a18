import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { containerOf, JobState, type JobId } from '../../src/media-service/model.ts';
import { storageClients } from '../../src/media-service/store/storage-clients.ts';
import type { Store } from '../../src/media-service/store/store.ts';
import type { Azurite } from '../../src/local/azurite.ts';
import { startAzuriteIn } from './running-service.ts';
import { storeOver } from './store/store-of-a-test.ts';

/** The encoder as the process that the queue starts. */
let azurite: Azurite;
let store: Store;
let folder = '';
let connectionString = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encode-one-'));
  azurite = await startAzuriteIn(['mediaa']);
  ({ connectionString } = azurite.account('mediaa'));
  store = await storeOver(connectionString, { leaseSeconds: 30 });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await azurite.close();
  await rm(folder, { recursive: true, force: true });
});

async function createJob(seconds: number): Promise<JobId> {
  const film = join(folder, `film-${seconds}.mp4`);
  const picture = `testsrc2=size=320x180:rate=25:duration=${seconds}`;
  const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', picture, ...codec, film]);
  const input = await store.assets.create({ name: 'in' });
  const { blobs } = await storageClients({ kind: 'key', connectionString });
  await blobs.getContainerClient(containerOf(input.Id)).getBlockBlobClient('film.mp4').uploadFile(film);
  const job = await store.jobs.create({
    name: 'test',
    inputs: [input.Id],
    tasks: [
      {
        configuration: 'Adaptive Streaming',
        mediaProcessorId: 'nb:mpid:UUID:ff4df607-d419-42f0-bc17-a481b1331e56',
        taskBody:
          '<taskBody><inputAsset>JobInputAsset(0)</inputAsset><outputAsset assetCreationOptions="0" ' +
          'assetName="out">JobOutputAsset(0)</outputAsset></taskBody>',
      },
    ],
  });
  return job.Id;
}

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
  const jobs = [await createJob(2), await createJob(2)];
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
  const job = await createJob(120);
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
