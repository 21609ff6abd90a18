import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { build } from 'esbuild';
import { startAzurite, type Azurite } from '../../src/local/azurite.ts';
import { clientId, clientSecret, entraToken } from './running-service.ts';

/** The media service as the process that is deployed. */
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Program {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown[]>;
  readonly url: string;
  readonly log: () => string;
}

async function start(settings: Readonly<Record<string, string>>): Promise<Program> {
  const outfile = resolve('dist/test/media-service.mjs');
  const entry = resolve('src/media-service/main.ts');
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
  });
  const child = spawn(process.execPath, [outfile], {
    env: { PATH: process.env['PATH'], ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  closing.push(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  await vi.waitFor(() => expect(output + String(child.exitCode ?? '')).not.toBe(''), { timeout: 20_000 });
  const [line = ''] = output.split('\n');
  const { listening } = line === '' ? { listening: '' } : (JSON.parse(line) as { listening: string });
  return { child, exited, url: listening, log: () => log };
}

async function freePorts(): Promise<{ blob: number; queue: number; table: number }> {
  const servers = [createServer(), createServer(), createServer()];
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  for (const server of servers) server.close();
  const [blob = 0, queue = 0, table = 0] = ports;
  return { blob, queue, table };
}

const key = Buffer.alloc(64, 7).toString('base64');

const connectionString = (ports: { blob: number; queue: number; table: number }): string =>
  `DefaultEndpointsProtocol=http;AccountName=mediaa;AccountKey=${key};` +
  `BlobEndpoint=http://127.0.0.1:${ports.blob}/mediaa;QueueEndpoint=http://127.0.0.1:${ports.queue}/mediaa;` +
  `TableEndpoint=http://127.0.0.1:${ports.table}/mediaa;`;

const settings = (ports: { blob: number; queue: number; table: number }): Record<string, string> => ({
  MEDIA_SERVICE_ACCOUNT: 'mediaa',
  MEDIA_SERVICE_CLIENT_ID: clientId,
  MEDIA_SERVICE_CLIENT_SECRET: clientSecret,
  STORAGE_CONNECTION_STRING: connectionString(ports),
});

async function startStorage(
  ports: { blob: number; queue: number; table: number },
  location: string,
): Promise<Azurite> {
  const azurite = await startAzurite({ location, accounts: { mediaa: key }, ports });
  closing.push(() => azurite.close());
  return azurite;
}

test('it starts before its storage, answers 503 meanwhile, works when the storage comes, and stops in order', async () => {
  const location = await mkdtemp(join(tmpdir(), 'media-service-process-'));
  closing.push(() => rm(location, { recursive: true, force: true }));
  const ports = await freePorts();
  const program = await start(settings(ports));
  expect(program.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${program.url}/health`)).status).toBe(200);
  expect((await fetch(`${program.url}/health/content`)).status).toBe(503);
  const headers = {
    Authorization: `Bearer ${await entraToken(program.url)}`,
    Accept: 'application/json',
    'x-ms-version': '2.19',
  };
  const busy = await fetch(`${program.url}/api/Assets`, { headers });
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '2']);
  expect(await busy.json()).toMatchObject({ 'odata.error': { message: { value: 'Server is busy' } } });

  const azurite = await startStorage(ports, location);
  await vi.waitFor(
    async () => expect((await fetch(`${program.url}/api/Assets`, { headers })).status).toBe(200),
    { timeout: 20_000 },
  );
  const endpoints = await fetch(`${program.url}/api/StreamingEndpoints`, { headers });
  const [endpoint] = ((await endpoints.json()) as { value: { Id: string }[] }).value;
  await fetch(`${program.url}/api/StreamingEndpoints('${encodeURIComponent(endpoint!.Id)}')/Start`, {
    method: 'POST',
    headers,
  });
  expect((await fetch(`${program.url}/health/content`)).status).toBe(200);

  // The storage goes away under the running service, and the service stays.
  process.kill(azurite.pid, 'SIGKILL');
  await azurite.exited;
  expect((await fetch(`${program.url}/api/Assets`, { headers })).status).toBe(503);
  expect((await fetch(`${program.url}/health`)).status).toBe(200);
  await vi.waitFor(async () => expect((await fetch(`${program.url}/health/content`)).status).toBe(503), {
    timeout: 10_000,
    interval: 200,
  });

  program.child.kill('SIGTERM');
  expect(await program.exited).toEqual([0, null]);
  const log = program.log();
  expect(log).toContain('A request cannot be served now');
  for (const line of log.trim().split('\n')) expect(() => JSON.parse(line) as unknown).not.toThrow();
  for (const secret of [clientSecret, key, headers.Authorization.slice(7)]) {
    expect(log).not.toContain(secret);
  }
});

test('the state of the streaming endpoint outlives the process', async () => {
  const location = await mkdtemp(join(tmpdir(), 'media-service-process-'));
  closing.push(() => rm(location, { recursive: true, force: true }));
  const ports = await freePorts();
  await startStorage(ports, location);
  for (const expected of ['Stopped', 'Running']) {
    const program = await start({ ...settings(ports), MEDIA_SERVICE_ROLES: 'api' });
    const headers = {
      Authorization: `Bearer ${await entraToken(program.url)}`,
      Accept: 'application/json',
      'x-ms-version': '2.19',
    };
    const answer = await fetch(`${program.url}/api/StreamingEndpoints`, { headers });
    const [endpoint] = ((await answer.json()) as { value: { Id: string; State: string }[] }).value;
    expect(endpoint?.State).toBe(expected);
    await fetch(`${program.url}/api/StreamingEndpoints('${encodeURIComponent(endpoint!.Id)}')/Start`, {
      method: 'POST',
      headers,
    });
    program.child.kill('SIGINT');
    expect(await program.exited).toEqual([0, null]);
  }
});

test('wrong settings end it with every problem named and no secret told', async () => {
  const program = await start({ MEDIA_SERVICE_CLIENT_SECRET: clientSecret, MEDIA_SERVICE_PORT: 'many' });
  expect(await program.exited).toEqual([1, null]);
  for (const name of ['MEDIA_SERVICE_ACCOUNT', 'MEDIA_SERVICE_PORT']) expect(program.log()).toContain(name);
  expect(program.log()).not.toContain(clientSecret);
});
