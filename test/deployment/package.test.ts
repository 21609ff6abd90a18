/** What is deployed, laid out by `package.mjs` as the Function App's package and the container image are. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Azurite } from '../../src/local/azurite.ts';
import { mediaServiceSettingDescriptions } from '../../src/config/media-service.ts';
import { JobState } from '../../src/media-service/model.ts';
import { createFilmJob } from '../media-service/encoding-job.ts';
import { storeOver } from '../media-service/store/store-of-a-test.ts';
import { clientId, clientSecret, entraToken, startAzuriteIn } from '../media-service/running-service.ts';

let folder = '';
let printed = '';
let azurite: Azurite;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  const context = await imageContext();
  const lay = (cwd: string, part: string): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, ['package.mjs', part, '--out', folder], { cwd });
  azurite = await startAzuriteIn(['mediaa', 'functions']);
  ({ stdout: printed } = await lay('.', 'workflow'));
  await lay(context, 'media-service');
  // The user that it runs as below may read it, as in the image.
  await chmod(folder, 0o755);
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await azurite.close();
  await rm(folder, { recursive: true, force: true });
});

/** What the image's build has: the files that .dockerignore lets through, and what `npm ci` installs. */
async function imageContext(): Promise<string> {
  const context = join(folder, 'context');
  const ignored = await readFile('.dockerignore', 'utf8');
  expect(ignored).toMatch(/^\*$/m);
  for (const [, path = ''] of ignored.matchAll(/^!(.+)$/gm)) {
    await cp(path, join(context, path), { recursive: true });
  }
  await symlink(resolve('node_modules'), join(context, 'node_modules'));
  return context;
}

interface Program {
  readonly url: string;
  readonly child: ChildProcess;
  readonly exited: Promise<unknown[]>;
  readonly log: () => string;
}

async function start(
  command: readonly string[],
  options: {
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly uid?: number;
    readonly gid?: number;
  },
): Promise<Program> {
  const [program = '', ...parameters] = command;
  const child = spawn(program, parameters, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = once(child, 'exit');
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    exited.then(() => {
      throw new Error(`It ended: ${log}`);
    }),
  ])) as [string];
  const { listening } = JSON.parse(line) as { listening: string };
  return { url: listening, child, exited, log: () => log };
}

describe('the package of the Function App', () => {
  it('holds the bundled workflow and nothing else, with no dependency left to install', async () => {
    const files = await readdir(join(folder, 'workflow'), { recursive: true });
    expect(files.sort()).toEqual([
      'functions',
      'functions/applicationinsights.js',
      'functions/main.js',
      'host.json',
      'package.json',
    ]);
    const manifest = JSON.parse(await readFile(join(folder, 'workflow/package.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({ main: 'functions/main.js' });
    expect(manifest).not.toHaveProperty('dependencies');
    expect(await readFile(join(folder, 'workflow/host.json'), 'utf8')).toBe(
      await readFile('host.json', 'utf8'),
    );
    // Lines that stand in each of the parts that must stay outside.
    const bundle = await readFile(join(folder, 'workflow/functions/main.js'), 'utf8');
    for (const [part, mark] of [
      ['src/local/stack/supervisor.ts', 'stack.json'],
      ['src/local/functions-host/main.ts', 'FUNCTIONS_HOST_MASTER_KEY'],
      ['src/media-service/encoder', 'libx264'],
      ['src/media-service/store', 'media-jobs'],
      ['src/web/player.ts', 'hls.js'],
    ] as const) {
      expect([part, bundle.includes(mark)]).toEqual([part, false]);
    }
    expect(bundle).toContain('publishStream');
  });

  it('is said to be small and to load in less than a second', () => {
    expect(printed).toMatch(/^The workflow: \d\.\d MiB in 4 files\.$/m);
    expect(printed).toMatch(/^The workflow loads in \d+ ms \(median of 5\)\.$/m);
  });

  it('runs on a Functions host, from a folder of its own', async () => {
    const { Values: settings } = JSON.parse(await readFile('local.settings.json.example', 'utf8')) as {
      Values: Record<string, string>;
    };
    const host = await start(
      [
        ...[process.execPath, resolve('dist/local/functions-host.mjs')],
        ...['--app', join(folder, 'workflow'), '--port', '0'],
      ],
      {
        cwd: tmpdir(),
        env: {
          ...settings,
          PATH: process.env['PATH'] ?? '',
          AzureWebJobsStorage: azurite.account('functions').connectionString,
          RESYNC_SCHEDULE: '0 0 0 1 1 *',
          FUNCTIONS_HOST_KEY: 'the-key',
        },
      },
    );
    expect((await fetch(`${host.url}/api/health`)).status).toBe(200);
    expect((await fetch(`${host.url}/api/openapi.json?code=the-key`)).status).toBe(200);
    host.child.kill('SIGTERM');
    expect(await host.exited).toEqual([0, null]);
  });
});

describe('the layout of the container image', () => {
  const settings = (): Record<string, string> => ({
    PATH: process.env['PATH'] ?? '',
    MEDIA_SERVICE_ACCOUNT: 'mediaa',
    MEDIA_SERVICE_CLIENT_ID: clientId,
    MEDIA_SERVICE_CLIENT_SECRET: clientSecret,
    STORAGE_CONNECTION_STRING: azurite.account('mediaa').connectionString,
    // There is no place to write to.
    TMPDIR: '/nonexistent',
    HOME: '/nonexistent',
  });
  // A user that owns nothing here, when the tests may become one and it may run this Node.js.
  const mayDropRights = process.getuid?.() === 0 && !process.execPath.startsWith('/root/');
  const nobody = mayDropRights ? { uid: 65534, gid: 65534 } : {};

  it('starts where nothing can be written, as nobody, and lets requests end when it is told to stop', async () => {
    const service = await start([process.execPath, 'media-service/main.mjs'], {
      cwd: join(folder, 'media-service'),
      env: { ...settings(), MEDIA_SERVICE_ROLES: 'api' },
      ...nobody,
    });
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
    const headers = {
      Authorization: `Bearer ${await entraToken(service.url)}`,
      Accept: 'application/json',
      'Content-Type': 'application/json',
      'x-ms-version': '2.19',
    };
    const body = JSON.stringify({ Name: 'asked before the stop' });
    const late = request(`${service.url}/api/Assets`, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
    });
    const answered = once(late, 'response') as Promise<[{ statusCode?: number; resume(): void }]>;
    // The request is under way when the service has answered another one that was sent after it.
    await new Promise<void>((resolve) => late.write(body.slice(0, 5), () => resolve()));
    expect((await fetch(`${service.url}/api/Assets`, { headers })).status).toBe(200);

    service.child.kill('SIGTERM');
    await expect.poll(() => service.log(), { timeout: 10_000 }).toContain('Stopping');
    await expect
      .poll(
        () =>
          fetch(`${service.url}/health`).then(
            () => 'open',
            () => 'closed',
          ),
        { timeout: 10_000 },
      )
      .toBe('closed');
    late.end(body.slice(5));
    const [answer] = await answered;
    answer.resume();
    expect(answer.statusCode).toBe(201);
    expect(await service.exited).toEqual([0, null]);
  });

  it('has what the Dockerfile, the compose file and the templates start', async () => {
    const dockerfile = await readFile('Dockerfile', 'utf8');
    const template = await readFile('infra/modules/media-service.bicep', 'utf8');
    const started = [...`${dockerfile}${template}`.matchAll(/media-service\/[\w-]+\.mjs/g)].map(
      ([file]) => file,
    );
    expect(new Set(started)).toEqual(new Set(['media-service/main.mjs', 'media-service/encode-one.mjs']));
    const files = await readdir(join(folder, 'media-service'), { recursive: true });
    for (const file of started) expect(files).toContain(file);
    const [, last = ''] = dockerfile.split(/^FROM .*$/m).slice(1);
    expect(last.indexOf('USER node')).toBeGreaterThan(0);
    expect(last.indexOf('USER node')).toBeLessThan(last.indexOf('CMD'));
    expect(last).toContain('STOPSIGNAL SIGTERM');
    expect(dockerfile).toContain('RUN node package.mjs media-service\n');

    const compose = await readFile('compose.yaml', 'utf8');
    const known = mediaServiceSettingDescriptions.map(({ name }) => name);
    const set = [...compose.matchAll(/^ {6}((?:MEDIA_SERVICE|STORAGE)_\w+):/gm)].map(([, name]) => name);
    expect(set.length).toBe(10);
    for (const name of set) expect(known).toContain(name);
    expect(compose).toContain('read_only: true');
  });

  it('encodes as nobody where nothing can be written', async () => {
    const { connectionString } = azurite.account('mediaa');
    const store = await storeOver(connectionString, { leaseSeconds: 30 });
    const job = await createFilmJob(store, connectionString, 2);
    const child = spawn(process.execPath, ['media-service/encode-one.mjs'], {
      cwd: join(folder, 'media-service'),
      env: { ...settings(), MEDIA_SERVICE_ROLES: 'encoder', ENCODER_SPEED: 'ultrafast' },
      ...nobody,
      stdio: 'ignore',
    });
    children.push(child);
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect((await store.jobs.get(job))?.State).toBe(JobState.Finished);
  });
});
