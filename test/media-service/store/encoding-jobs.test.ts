import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { QueueServiceClient } from '@azure/storage-queue';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { LeaseLostError, type LeasedJob } from '../../../src/media-service/encoder/encoding-queue.ts';
import { JobState, type AssetId, type JobId } from '../../../src/media-service/model.ts';
import type { Store } from '../../../src/media-service/store/store.ts';
import type { Azurite } from '../../../src/local/azurite.ts';
import { startAzuriteIn } from '../running-service.ts';
import { storeOver } from './store-of-a-test.ts';

let azurite: Azurite;
let store: Store;
let connectionString = '';

beforeAll(async () => {
  azurite = await startAzuriteIn(['jobs']);
  ({ connectionString } = azurite.account('jobs'));
  store = await storeOver(connectionString);
});
afterAll(() => azurite.close());

const held: LeasedJob[] = [];
/** No job outlives its test, or the next one would take it. */
afterEach(async () => {
  for (const job of held.splice(0)) if (!job.lost.aborted) await job.canceled().catch(() => undefined);
  await QueueServiceClient.fromConnectionString(connectionString)
    .getQueueClient('media-jobs')
    .clearMessages();
});

const body = (input: string, output: number): string =>
  `<taskBody><inputAsset>${input}</inputAsset><outputAsset assetCreationOptions="0" ` +
  `assetName="out ${output}">JobOutputAsset(${output})</outputAsset></taskBody>`;

async function createJob(bodies = [body('JobInputAsset(0)', 0)]): Promise<{ id: JobId; input: AssetId }> {
  const input = await store.assets.create({ name: 'in' });
  const job = await store.jobs.create({
    name: 'test',
    inputs: [input.Id],
    tasks: bodies.map((taskBody) => ({
      configuration: 'Adaptive Streaming',
      mediaProcessorId: 'nb:mpid:UUID:ff4df607-d419-42f0-bc17-a481b1331e56',
      taskBody,
    })),
  });
  return { id: job.Id, input: input.Id };
}

async function take(from = store): Promise<LeasedJob> {
  const job = await vi.waitFor(
    async () => {
      const taken = await from.encoding.take();
      if (taken === undefined) throw new Error('nothing to take');
      return taken;
    },
    { timeout: 30_000, interval: 100 },
  );
  held.push(job);
  return job;
}

const stateOf = async (id: JobId): Promise<number | undefined> => (await store.jobs.get(id))?.State;
const taskOf = async (id: JobId) => (await store.jobs.tasks(id))[0]!;
const messages = async (): Promise<number> =>
  (
    await QueueServiceClient.fromConnectionString(connectionString)
      .getQueueClient('media-jobs')
      .getProperties()
  ).approximateMessagesCount ?? 0;

const encoded = [
  { name: 'film.ism', size: 3, md5: 'aa', mimeType: 'application/smil+xml' },
  { name: 'film_640x360_700.cmfv', size: 5, md5: 'bb', mimeType: 'video/mp4' },
];
const failure = { Code: 'ErrorProcessingTask', Message: 'ffmpeg failed' } as const;

test('a job is taken, shows its progress, and ends with its files', async () => {
  const { id, input } = await createJob();
  await store.files.create({ name: 'film.mp4', parentAssetId: input, isPrimary: true });
  const job = await take();
  expect([job.jobId, job.configuration, job.inputPrimaryFile]).toEqual([
    id,
    'Adaptive Streaming',
    'film.mp4',
  ]);
  expect(await stateOf(id)).toBe(JobState.Scheduled);
  expect(await store.encoding.take()).toBeUndefined();
  await job.input!.getBlockBlobClient('film.mp4').upload('abc', 3);
  expect((await job.input!.getBlobClient('film.mp4').downloadToBuffer()).toString()).toBe('abc');

  await job.start();
  expect(await stateOf(id)).toBe(JobState.Processing);
  for (let percent = 0; percent <= 60; percent += 0.5) job.progress(percent);
  await vi.waitFor(async () => expect((await taskOf(id)).Progress).toBe(60));
  await job.finish(encoded);
  const ended = (await store.jobs.get(id))!;
  expect(ended.State).toBe(JobState.Finished);
  expect(ended.RunningDuration).toBe(ended.EndTime!.getTime() - ended.StartTime!.getTime());
  const task = await taskOf(id);
  expect([task.State, task.Progress, task.ErrorDetails]).toEqual([JobState.Finished, 100, []]);
  expect(task.HistoricalEvents.map(({ Code }) => Code)).toEqual([
    'WaitingForFreeResources',
    'Scheduled',
    'Processing',
    'Finished',
  ]);
  expect(job.lost.aborted).toBe(false);
  expect(await messages()).toBe(0);
  const [output] = await store.jobs.outputAssets(id);
  for await (const batch of store.files.scan(output!.Id)(undefined, 10)) {
    expect(batch.map(({ value }) => [value?.Name, value?.ContentFileSize, value?.ContentChecksum])).toEqual(
      expect.arrayContaining([
        ['film.ism', 3, 'aa'],
        ['film_640x360_700.cmfv', 5, 'bb'],
      ]),
    );
  }
});

test('a long job keeps its lease', async () => {
  const { id } = await createJob();
  const job = await take();
  await job.start();
  const start = Date.now();
  // Longer than the lease: only renewing keeps the message away from others.
  await vi.waitFor(() => expect(Date.now() - start).toBeGreaterThan(6000), { timeout: 10_000 });
  expect(await store.encoding.take()).toBeUndefined();
  await job.finish(encoded);
  expect(await stateOf(id)).toBe(JobState.Finished);
});

test('an encoder that is killed loses its job to another one', async () => {
  const program = resolve('dist/test/lease-holder-program.mjs');
  await build({
    entryPoints: [resolve('test/media-service/store/lease-holder-program.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  const { id } = await createJob();
  const holder = spawn(process.execPath, [program, connectionString], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(holder.stdout.setEncoding('utf8'), 'data')) as [string];
  expect(line.trim()).toBe(id);
  expect(await stateOf(id)).toBe(JobState.Processing);
  expect(await store.encoding.take()).toBeUndefined();
  holder.kill('SIGKILL');
  await once(holder, 'exit');

  const job = await take();
  expect(job.jobId).toBe(id);
  await job.start();
  expect((await taskOf(id)).Progress).toBe(0);
  await job.finish(encoded);
  expect(await stateOf(id)).toBe(JobState.Finished);
});

test('an encoder that comes back too late writes nothing', async () => {
  const sleepy = await storeOver(connectionString, {
    leaseSeconds: 1,
    renewalMilliseconds: 60_000,
    pollMilliseconds: 60_000,
  });
  const { id } = await createJob();
  const late = await take(sleepy);
  await late.start();
  const other = await take();
  expect(other.jobId).toBe(id);
  await expect(late.finish(encoded)).rejects.toBeInstanceOf(LeaseLostError);
  expect(late.lost.aborted).toBe(true);
  await expect(late.fail(failure)).rejects.toBeInstanceOf(LeaseLostError);
  await other.start();
  expect(await stateOf(id)).toBe(JobState.Processing);
  await other.finish(encoded);
  expect(await stateOf(id)).toBe(JobState.Finished);
});

test('a running job is asked to stop, and ends Canceled', async () => {
  const { id } = await createJob();
  const job = await take();
  await job.start();
  await store.jobs.cancel(id);
  expect(await stateOf(id)).toBe(JobState.Canceling);
  await vi.waitFor(() => expect(job.cancelRequested.aborted).toBe(true));
  await store.jobs.cancel(id);
  await job.canceled();
  expect(await stateOf(id)).toBe(JobState.Canceled);
  expect((await taskOf(id)).State).toBe(JobState.Canceled);
  expect(await messages()).toBe(0);
  await expect(store.jobs.cancel(id)).rejects.toMatchObject({ code: 'invalid' });
});

test('a canceled job whose encoder was lost ends Canceled when its message comes back', async () => {
  const sleepy = await storeOver(connectionString, {
    leaseSeconds: 1,
    renewalMilliseconds: 60_000,
    pollMilliseconds: 60_000,
  });
  const { id } = await createJob();
  await (await take(sleepy)).start();
  await store.jobs.cancel(id);
  await vi.waitFor(
    async () => {
      await store.encoding.take();
      expect(await stateOf(id)).toBe(JobState.Canceled);
    },
    { timeout: 20_000 },
  );
  expect(await messages()).toBe(0);
});

test('failed attempts are counted, a job given back in order is not, and the third failure is an Error', async () => {
  const log: Readonly<Record<string, unknown>>[] = [];
  const watched = await storeOver(connectionString, {}, log);
  const { id } = await createJob();
  for (const [countAttempt, after] of [
    [true, JobState.Queued],
    [false, JobState.Queued],
    [true, JobState.Queued],
    [true, JobState.Error],
  ] as const) {
    const job = await take(watched);
    await job.start();
    await job.release({ countAttempt, detail: failure });
    expect(await stateOf(id)).toBe(after);
  }
  expect(log.filter(({ msg }) => msg === 'A job was given up')).toMatchObject([
    { job: id.slice(-36), failedAttempts: 3, code: failure.Code },
  ]);
  expect((await taskOf(id)).ErrorDetails).toEqual([failure]);
  expect(await messages()).toBe(0);
});

test('a final failure is an Error at once', async () => {
  const { id } = await createJob();
  const job = await take();
  await job.start();
  await job.fail({ Code: 'ErrorExecutingTaskUnsupportedFormat', Message: 'x'.repeat(100_000) });
  expect(await stateOf(id)).toBe(JobState.Error);
  const [detail] = (await taskOf(id)).ErrorDetails;
  expect(detail?.Code).toBe('ErrorExecutingTaskUnsupportedFormat');
  expect(detail?.Message).toHaveLength(2000);
});

test('a job that takes one encoder after the other down with it ends as an Error', async () => {
  const deadly = await storeOver(connectionString, {
    leaseSeconds: 1,
    renewalMilliseconds: 60_000,
    pollMilliseconds: 60_000,
    takes: 2,
  });
  const { id } = await createJob();
  await take(deadly);
  await take(deadly);
  await vi.waitFor(
    async () => {
      await deadly.encoding.take();
      expect(await stateOf(id)).toBe(JobState.Error);
    },
    { timeout: 20_000 },
  );
  expect((await taskOf(id)).ErrorDetails).toMatchObject([{ Code: 'ErrorProcessingTask' }]);
  expect(await messages()).toBe(0);
});

test('messages that stand for no job, or for one a second time, are dropped', async () => {
  const queue = QueueServiceClient.fromConnectionString(connectionString).getQueueClient('media-jobs');
  for (const text of ['nonsense', '{"job":1}', '00000000-0000-4000-8000-000000000000']) {
    await queue.sendMessage(text);
  }
  const { id } = await createJob();
  await queue.sendMessage(id.slice(-36));
  const job = await take();
  expect(job.jobId).toBe(id);
  expect(await store.encoding.take()).toBeUndefined();
  await job.finish(encoded);
  expect(await messages()).toBe(0);
});

test('a job whose message was lost is queued again', async () => {
  const { id } = await createJob();
  await QueueServiceClient.fromConnectionString(connectionString)
    .getQueueClient('media-jobs')
    .clearMessages();
  const watchful = await storeOver(connectionString, { leaseSeconds: 1 });
  const job = await take(watchful);
  expect(job.jobId).toBe(id);
  await job.finish(encoded);
});

test('the tasks of a job run one after the other, each with its own assets', async () => {
  const { id } = await createJob([body('JobInputAsset(0)', 0), body('JobOutputAsset(0)', 1)]);
  const outputs = await store.jobs.outputAssets(id);
  expect(outputs.map(({ Name }) => Name)).toEqual(['out 0', 'out 1']);
  const first = await take();
  await first.start();
  await first.finish(encoded);
  expect(await stateOf(id)).toBe(JobState.Processing);
  const second = await take();
  expect(second.input?.containerName).toBe(first.output.containerName);
  expect(second.output.containerName).toBe(`asset-${outputs[1]!.Id.slice(-36)}`);
  await second.start();
  await second.finish(encoded);
  expect(await stateOf(id)).toBe(JobState.Finished);
  expect((await store.jobs.tasks(id)).map(({ State }) => State)).toEqual([3, 3]);
});

test('an input that is gone is told to the encoder', async () => {
  const { input } = await createJob();
  await store.deleteAsset(input, { keepContainer: false });
  const job = await take();
  expect([job.input, job.inputPrimaryFile]).toEqual([undefined, undefined]);
});
