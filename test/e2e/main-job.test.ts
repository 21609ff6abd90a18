/** The main job on one machine, and what stands when it is done (checks 1, 3 and 7 of the first release). */
import { join } from 'node:path';
import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { identityOf, isRunning } from '../../src/local/stack/process-identity.ts';
import { runFailover } from '../cli/run-failover.ts';
import {
  decode,
  listens,
  makeClip,
  pidsOf,
  removeFolder,
  reservePorts,
  startStack,
  temporaryFolder,
  type Report,
  type StartedStack,
} from './local-stack.ts';
import { ended, expectPublishedOnce, submit, uploadFile } from './publishing.ts';

const dataCenters = ['a', 'b'] as const;
const formats = ['smooth', 'hls', 'dash'] as const;

let folder: string;
let dataDirectory: string;
let clip: string;
let stack: StartedStack;
let report: Report;

beforeAll(async () => {
  folder = await temporaryFolder('main-job');
  dataDirectory = join(folder, 'data');
  clip = join(folder, 'Tiny clip.mp4');
  await makeClip(clip);
  await reservePorts(dataDirectory);
  stack = startStack({ dataDirectory, parameters: ['--input', clip] });
  report = await stack.report;
});
afterAll(async () => {
  await stack.stop();
  await removeFolder(folder);
});

describe('the main job', () => {
  test('publishes in both data centers, at URLs that differ in scheme, host and port only', () => {
    expect(report).toMatchObject({ status: 'succeeded', streamId: 'tiny-clip', protected: true });
    for (const format of formats) {
      const [a, b, edge] = [report.urls.a[format], report.urls.b[format], report.edge[format]];
      expect(new URL(a).pathname).toBe(new URL(b).pathname);
      expect(new URL(a).pathname).toBe(new URL(edge).pathname);
      expect(new Set([a, b, edge]).size).toBe(3);
    }
    expect(report.compared).toMatchObject({ equal: true });
    expect(report.compared.files).toBeGreaterThanOrEqual(3);
    expect(report.compared.bytes).toBeGreaterThan(10_000);
  });

  test('prints its result as one line on stdout, and nothing else there', () => {
    expect(stack.stdout().trimEnd().split('\n')).toHaveLength(1);
  });

  test.each(dataCenters)('serves HLS and DASH from %s that ffmpeg decodes without an error', async (key) => {
    const { hls, dash } = report.urls[key];
    expect(await decode(hls)).toEqual({ complaints: '' });
    expect(await decode(dash)).toEqual({ complaints: '' });
  });

  test('serves the same through the edge', async () => {
    expect(await decode(report.edge.hls)).toEqual({ complaints: '' });
    expect((await fetch(report.player)).status).toBe(200);
  });

  test('serves manifests from both sides that are the same in every byte', async () => {
    for (const format of formats) {
      const [a, b] = await Promise.all(
        dataCenters.map(async (key) => (await fetch(report.urls[key][format])).text()),
      );
      expect(a).toBe(b);
    }
  });

  test('leaves one asset and one origin locator a side with the same id, and no SAS locator', async () => {
    await expectPublishedOnce(stack, 'tiny-clip');
  });
});

describe('the same request', () => {
  test('several times at the same moment starts one run, and is answered by it ever after', async () => {
    const input = { assetId: await uploadFile(stack, 'twice.mp4', clip) };
    const answers = await Promise.all(Array.from({ length: 6 }, () => submit(stack, 'twice', input)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    const [operationId, ...others] = new Set(answers.map(({ body }) => body['operationId'] as string));
    expect(others).toEqual([]);
    expect(answers[0]!.headers.get('location')).toContain(`/api/operations/${operationId!}`);

    expect(await ended(stack, operationId!)).toMatchObject({
      status: 'succeeded',
      result: { protected: true },
    });
    await expectPublishedOnce(stack, 'twice');
    expect((await submit(stack, 'twice', input)).body).toMatchObject({ operationId });
  });

  test('with another input is a conflict, while the first one runs and afterwards', async () => {
    const one = { assetId: await uploadFile(stack, 'one.mp4', clip) };
    const two = { assetId: await uploadFile(stack, 'two.mp4', clip) };
    const first = await submit(stack, 'one', one);
    expect(first.status).toBe(202);
    expect(await submit(stack, 'one', two)).toMatchObject({ status: 409 });
    const { operationId } = await ended(stack, first.body['operationId'] as string);
    expect(await submit(stack, 'one', two)).toMatchObject({ status: 409, body: { code: 'stream-exists' } });
    expect((await submit(stack, 'one', one)).body).toMatchObject({ operationId });
    await expectPublishedOnce(stack, 'one', [two.assetId]);
  });
});

describe('the stack', () => {
  test('tells everything in stack.json, for this user only', async () => {
    expect((await stat(join(dataDirectory, 'stack.json'))).mode & 0o777).toBe(0o600);
    const file = await stack.file();
    expect(new Set(pidsOf(file)).size).toBe(5);
    expect(pidsOf(file).every((pid) => isRunning(identityOf(pid)))).toBe(true);
  });

  test('keeps a second one off its data', async () => {
    const second = startStack({ dataDirectory, parameters: ['--input', clip] });
    expect(await second.ended).toMatchObject({ code: 3 });
    expect(second.output()).toContain(`process ${stack.pid}`);
    expect(await listens((await stack.file()).edge.url)).toBe(true);
  });

  test('loses a data center and gets it back, and the edge plays on', async () => {
    const outage = (...words: string[]): ReturnType<typeof runFailover> =>
      runFailover(['outage', ...words, '--data-dir', dataDirectory], { cwd: folder });
    const { streaming } = (await stack.file()).dataCenters.a;

    expect(await outage('start', 'a')).toMatchObject({ code: 0 });
    expect(await listens(streaming)).toBe(false);
    expect(await decode(report.edge.hls)).toEqual({ complaints: '' });
    expect(await outage('end', 'a')).toMatchObject({ code: 0 });
    expect((await fetch(report.urls.a.hls)).status).toBe(200);

    // From gone to hanging.
    expect(await outage('start', 'a')).toMatchObject({ code: 0 });
    expect(await outage('start', 'a', '--how', 'hang')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Data center A: hangs') as string,
    });
    expect(await listens(streaming)).toBe(true);
    await expect(fetch(report.urls.a.hls, { signal: AbortSignal.timeout(500) })).rejects.toThrow();
    expect(await outage('end', 'a')).toMatchObject({ code: 0 });
    expect((await fetch(report.urls.a.hls)).status).toBe(200);
    expect(stack.output()).not.toContain('media-service-a ended');
  });

  test('tells of a program that ends by itself, and starts it again when asked', async () => {
    const before = (await stack.file()).dataCenters.b.pid;
    process.kill(before, 'SIGKILL');
    await vi.waitUntil(() => stack.output().includes('media-service-b ended (SIGKILL)'));
    const back = await runFailover(['outage', 'end', 'b', '--data-dir', dataDirectory], { cwd: folder });
    expect(back).toMatchObject({ code: 0 });
    expect((await stack.file()).dataCenters.b.pid).not.toBe(before);
    expect((await fetch(report.urls.b.dash)).status).toBe(200);
  });
});

describe('after the stack has been stopped', () => {
  test('nothing is left running, and the next start has the stream again at once', async () => {
    const pids = pidsOf(await stack.file());
    await stack.stop();
    expect(await stack.ended).toEqual({ code: 0, signal: null });
    expect(pids.filter((pid) => isRunning(identityOf(pid)))).toEqual([]);

    const again = startStack({ dataDirectory, parameters: ['--input', clip, '--once'] });
    expect(await again.report).toMatchObject({
      status: 'succeeded',
      operationId: report.operationId,
      urls: report.urls,
    });
    expect(await again.ended).toEqual({ code: 0, signal: null });
  });

  test('killed, it leaves nothing running either, and the next start takes over', async () => {
    const killed = startStack({ dataDirectory, parameters: ['--input', clip] });
    await killed.report;
    const pids = pidsOf(await killed.file());
    process.kill(pids[1]!, 'SIGSTOP');
    process.kill(killed.pid, 'SIGKILL');
    const next = startStack({ dataDirectory, parameters: ['--input', clip, '--once'] });
    expect(await next.report).toMatchObject({ operationId: report.operationId });
    expect(await next.ended).toEqual({ code: 0, signal: null });
    expect(pids.filter((pid) => isRunning(identityOf(pid)))).toEqual([]);
  });
});
