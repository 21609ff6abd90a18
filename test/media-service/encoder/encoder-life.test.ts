import { BlobServiceClient } from '@azure/storage-blob';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import {
  buildEncoderProgram,
  decodeErrors,
  ffmpegsOf,
  probeTrack,
  startEncoderKit,
  type EncoderKit,
} from './encoder-kit.ts';
import { startFaultyProxy, type FaultyProxy } from './faulty-proxy.ts';
import { MemoryQueue, type TestJob } from './memory-queue.ts';

let kit: EncoderKit;
let proxy: FaultyProxy;
let short: string;
let long: string;
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  kit = await startEncoderKit();
  proxy = await startFaultyProxy(kit.storage.connectionString);
  const picture = (seconds: number): string[] => [
    ...[
      '-f',
      'lavfi',
      '-i',
      `testsrc2=size=640x360:rate=25:duration=${seconds}`,
      '-f',
      'lavfi',
      '-i',
      'sine',
      '-shortest',
    ],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'],
  ];
  short = await kit.make('short.mp4', ...picture(3));
  long = await kit.make('long.mp4', ...picture(16));
});
afterEach(async () => {
  proxy.decide = () => 'pass';
  await Promise.all(stops.splice(0).map((stop) => stop()));
});
afterAll(async () => {
  await proxy.close();
  await kit.close();
});

function start(options: Parameters<EncoderKit['start']>[0] = {}): () => Promise<void> {
  const stop = kit.start(options);
  stops.push(stop);
  return stop;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function untilGone(pids: readonly number[]): Promise<void> {
  await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 20_000, interval: 20 });
}

async function committed(job: TestJob): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of job.output.listBlobsFlat()) names.push(name);
  return names;
}

async function expectWhole(job: TestJob, seconds: number): Promise<void> {
  const { outcome, names, videos, audio } = await kit.download(job);
  if (outcome.state !== 'finished') throw new Error(`The job ended ${JSON.stringify(outcome)}.`);
  expect(outcome.files.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(outcome.files.at(-1)?.name).toMatch(/\.ism$/);
  for (const file of [...videos, audio!]) {
    expect(await decodeErrors(file)).toBe('');
    expect((await probeTrack(file)).duration).toBeCloseTo(seconds, 0);
    const bytes = await readFile(file);
    const md5 = createHash('md5').update(bytes).digest('hex');
    const told = outcome.files.find(({ name }) => file.endsWith(name));
    expect(told).toMatchObject({ md5, size: bytes.length });
  }
  for await (const { name, properties } of job.output.listBlobsFlat()) {
    const told = outcome.files.find((file) => file.name === name);
    expect(Buffer.from(properties.contentMD5 ?? []).toString('hex')).toBe(told?.md5);
    expect(properties.contentType).toBe(told?.mimeType);
  }
}

test('progress grows to 100 and the result is whole', async () => {
  start();
  const job = await kit.queue.add({ files: { 'short.mp4': short } });
  await job.done;
  await expectWhole(job, 3);
  expect([...job.progress].sort((a, b) => a - b)).toEqual(job.progress);
  expect(job.progress.at(-1)).toBeCloseTo(100, 5);
});

test('cancel ends ffmpeg and leaves nothing', async () => {
  start({ speed: 'medium' });
  const job = await kit.queue.add({ files: { 'long.mp4': long } });
  await job.reached(5);
  const running = ffmpegsOf(process.pid);
  expect(running).toHaveLength(1);
  job.cancel();
  expect(await job.done).toEqual({ state: 'canceled' });
  expect(running.some(isAlive)).toBe(false);
  expect(await committed(job)).toEqual([]);
});

test('cancel while the result is being committed leaves nothing', async () => {
  const queue = new MemoryQueue(BlobServiceClient.fromConnectionString(proxy.connectionString));
  start({ queue });
  const job = await queue.add({ files: { 'short.mp4': short } });
  let commits = 0;
  proxy.decide = ({ url = '' }) => {
    if (url.includes('comp=blocklist') && ++commits === 2) job.cancel();
    return 'pass';
  };
  expect(await job.done).toEqual({ state: 'canceled' });
  expect(commits).toBeGreaterThanOrEqual(2);
  expect(await committed(job)).toEqual([]);
});

test('a lost lease ends the work at once; the next encoder makes it whole', async () => {
  start({ speed: 'medium' });
  const job = await kit.queue.add({ files: { 'long.mp4': long } });
  await job.reached(5);
  const [running = 0] = ffmpegsOf(process.pid);
  job.loseLease();
  start({ speed: 'ultrafast' });
  await job.taken(2);
  expect(job.outcomes).toEqual([]);
  await untilGone([running]);
  job.cancel();
  await job.done;
});

test('stopping the encoder gives the job back without counting an attempt', async () => {
  const stop = start({ speed: 'medium' });
  const job = await kit.queue.add({ files: { 'long.mp4': long } });
  await job.reached(5);
  const running = ffmpegsOf(process.pid);
  await stop();
  expect(job.outcomes).toMatchObject([{ state: 'released', detail: { Code: 'TransientError' } }]);
  expect(job.failedAttempts).toBe(0);
  expect(running.some(isAlive)).toBe(false);
  start();
  await job.taken(2);
  job.cancel();
  await job.done;
});

test('an encode over its time limit is stopped and counts as a failed attempt', async () => {
  start({ speed: 'medium', timeLimit: 1500 });
  const job = await kit.queue.add({ files: { 'long.mp4': long } });
  await job.taken(2);
  expect(job.outcomes).toMatchObject([
    {
      state: 'released',
      detail: { Message: expect.stringContaining('ENCODER_TIME_LIMIT_MINUTES') as string },
    },
  ]);
  expect(job.failedAttempts).toBe(1);
  job.cancel();
  await job.done;
});

test('a killed encoder leaves no ffmpeg, and its job is made whole by another', async () => {
  const program = await buildEncoderProgram();
  const job = await kit.queue.add({ files: { 'long.mp4': long } });
  const child = spawn(
    process.execPath,
    [program, kit.storage.connectionString, job.input.containerName, job.output.containerName, 'medium'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(child.stdout, 'data');
  const orphans = ffmpegsOf(child.pid!);
  expect(orphans).toHaveLength(1);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await untilGone(orphans);
  expect(await committed(job)).toEqual([]);

  start();
  await job.done;
  await expectWhole(job, 16);
});

test('storage that fails for a while is tried again; the attempts are counted and bounded', async () => {
  const service = BlobServiceClient.fromConnectionString(proxy.connectionString, {
    retryOptions: { maxTries: 1 },
  });
  const queue = new MemoryQueue(service);
  start({ queue });
  let refused = 0;
  proxy.decide = ({ method, url = '' }) =>
    method === 'PUT' && url.includes('comp=block&') && refused++ === 0 ? { status: 500 } : 'pass';
  const job = await queue.add({ files: { 'short.mp4': short } });
  await job.done;
  expect(job.outcomes).toMatchObject([
    { state: 'released', detail: { Code: 'ErrorUploadingOutputAsset' } },
    { state: 'finished' },
  ]);
  expect(job.failedAttempts).toBe(1);

  const hopeless = await queue.add({ files: { 'short.mp4': short } });
  proxy.decide = ({ method, url = '' }) =>
    method === 'PUT' && url.includes('comp=blocklist') ? { status: 500 } : 'pass';
  expect(await hopeless.done).toMatchObject({
    state: 'failed',
    detail: { Code: 'ErrorUploadingOutputAsset' },
  });
  expect(hopeless.outcomes.map(({ state }) => state)).toEqual(['released', 'released', 'failed']);
});

test('a download that is cut again and again goes on where it was', async () => {
  const queue = new MemoryQueue(BlobServiceClient.fromConnectionString(proxy.connectionString));
  start({ queue });
  const job = await queue.add({ files: { 'short.mp4': short } });
  let cuts = 0;
  proxy.decide = ({ method, url = '' }) => {
    const ofInput = method === 'GET' && url.includes(`${job.input.containerName}/short`);
    return ofInput && ++cuts % 2 === 1 ? { cutAfter: 20_000 } : 'pass';
  };
  await job.done;
  expect(cuts).toBeGreaterThan(3);
  expect(job.outcomes.map(({ state }) => state)).toEqual(['finished']);
  await expectWhole(job, 3);
});

test('an input that storage does not give is a fault of storage, not of the file', async () => {
  const queue = new MemoryQueue(
    BlobServiceClient.fromConnectionString(proxy.connectionString, { retryOptions: { maxTries: 1 } }),
  );
  start({ queue });
  const job = await queue.add({ files: { 'short.mp4': short }, attempts: 1 });
  proxy.decide = ({ method, url = '' }) =>
    method === 'GET' && url.includes(`${job.input.containerName}/short`) ? { status: 403 } : 'pass';
  expect(await job.done).toMatchObject({
    state: 'failed',
    detail: { Code: 'ErrorDownloadingInputAssetServiceFailure' },
  });
});

test('an ffmpeg that is killed or hangs is tried again, three times at most', async () => {
  const fake = async (name: string, script: string): Promise<string> => {
    const file = join(kit.folder, name);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
    return file;
  };
  const crashing = await fake('crashing', 'kill -SEGV $$');
  const stop = start({ ffmpeg: { ...kit.ffmpeg, ffmpeg: crashing } });
  const crashed = await kit.queue.add({ files: { 'short.mp4': short } });
  expect(await crashed.done).toMatchObject({
    state: 'failed',
    detail: { Code: 'ErrorProcessingTask', Message: expect.stringContaining('SIGSEGV') as string },
  });
  expect(crashed.outcomes.map(({ state }) => state)).toEqual(['released', 'released', 'failed']);
  await stop();

  const hanging = await fake('hanging', 'exec sleep 600');
  start({ ffmpeg: { ...kit.ffmpeg, ffmpeg: hanging }, stallLimit: 300 });
  const hung = await kit.queue.add({ files: { 'short.mp4': short }, attempts: 1 });
  expect(await hung.done).toMatchObject({
    state: 'failed',
    detail: { Message: expect.stringContaining('no progress') as string },
  });
});

test('no address of the input, and no secret, is in the log, in a message or in the process list', async () => {
  const run = promisify(execFile);
  start({ speed: 'medium' });
  const job = await kit.queue.add({ files: { 'long.mp4': long } });
  await job.reached(3);
  const [pid = 0] = ffmpegsOf(process.pid);
  const { stdout } = await run('ps', ['-o', 'args=', '-p', String(pid)]);
  expect(stdout).toContain('http://127.0.0.1:');
  job.cancel();
  await job.done;
  expect(kit.log.length).toBeGreaterThan(0);
  const told = stdout + kit.log.join('');
  expect(told).not.toContain('sig=');
  expect(told).not.toContain(/AccountKey=([^;]+)/.exec(kit.storage.connectionString)![1]);
  expect(kit.log.join('')).not.toContain('http://');
});
