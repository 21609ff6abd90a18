import { BlobServiceClient, BlobSASPermissions, StorageSharedKeyCredential } from '@azure/storage-blob';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { version } from '../../package.json';
import { startAzurite, type Azurite } from '../../src/local/azurite.ts';
import { runFailover, startFailover, type Ended, type RunningFailover } from './run-failover.ts';
import { startStandInApi, type Answer, type Call, type StandInApi } from './stand-in-api.ts';

const operationId = 'film-0123456789abcdef';
const side = (host: string): Record<string, string> => ({
  smooth: `http://${host}/l/film.ism/manifest`,
  hls: `http://${host}/l/film.ism/manifest(format=m3u8-cmaf)`,
  dash: `http://${host}/l/film.ism/manifest(format=mpd-time-csf)`,
});
const running = {
  operationId,
  streamId: 'film',
  kind: 'publish',
  status: 'running',
  step: 'waitForJob',
  percent: 40,
  createdAt: '2026-01-01T00:00:00Z',
  updatedAt: '2026-01-01T00:00:01Z',
};
const succeeded = {
  ...running,
  status: 'succeeded',
  percent: 100,
  result: {
    streamId: 'film',
    locatorId: 'nb:lid:UUID:0',
    protected: true,
    urls: { a: side('a.example'), b: side('b.example') },
    compared: { files: 9, bytes: 1000, level: 'bytes', equal: true },
  },
};
const failed = {
  ...running,
  status: 'failed',
  error: { code: 'encoding-failed', message: 'film.txt is no video.', retriable: false },
};

let folder: string;
let api: StandInApi | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'failover-'));
});
afterEach(async () => {
  await api?.close();
  api = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** Runs the command against an API that gives these answers, the last one again and again. */
async function against(answers: readonly Answer[], parameters: readonly string[]): Promise<Ended> {
  return await (
    await begunAgainst(answers, parameters)
  ).ended;
}

async function begunAgainst(
  answers: readonly Answer[],
  parameters: readonly string[],
  stdout?: number,
): Promise<RunningFailover> {
  let given = 0;
  api = await startStandInApi(() => answers[Math.min(given++, answers.length - 1)]!);
  return startFailover(parameters, {
    cwd: folder,
    env: { FAILOVER_URL: api.url, FAILOVER_KEY: 'the-key' },
    ...(stdout === undefined ? {} : { stdout }),
  });
}

const started: Answer = { status: 202, body: { operationId, streamId: 'film', status: 'running' } };

describe('failover submit', () => {
  test('publishes a URL, follows the run and prints where it plays', async () => {
    const ended = await against(
      [started, { body: running }, { body: succeeded }],
      ['submit', 'https://films.example/My%20Film.mp4'],
    );
    expect(ended).toMatchObject({ code: 0 });
    expect(api!.calls[0]).toEqual({
      method: 'POST',
      path: '/api/streams',
      key: 'the-key',
      body: { streamId: 'my-film', input: { url: 'https://films.example/My%20Film.mp4' } },
    } satisfies Call);
    expect(ended.stdout).toContain('http://b.example/l/film.ism/manifest(format=m3u8-cmaf)');
    expect(ended.stderr).toContain('Wait for job 40%');
  });

  test('prints one line of JSON and nothing else with --json', async () => {
    const ended = await against(
      [started, { body: succeeded }],
      ['submit', 'https://films.example/film.mp4', '--json'],
    );
    expect(ended.code).toBe(0);
    expect(ended.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({ status: 'succeeded', result: { protected: true } });
  });

  test('gives source, preset and stream id on', async () => {
    const ended = await against(
      [started],
      // prettier-ignore
      ['submit', 'http://x.example/y.mp4', '--stream-id', 'z', '--source', 'b', '--preset', 'P', '--no-follow'],
    );
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain(operationId);
    expect(api!.calls.map(({ body }) => body)).toEqual([
      { streamId: 'z', source: 'b', preset: 'P', input: { url: 'http://x.example/y.mp4' } },
    ]);
  });

  test('ends with 1 and says why when the run failed', async () => {
    const ended = await against([started, { body: failed }], ['submit', 'http://x.example/film.mp4']);
    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain('film.txt is no video. (encoding-failed)');
  });

  test('goes on following while the API is away for a moment', async () => {
    const ended = await against(
      [started, { status: 503, body: { title: 'Starting' } }, { status: 500, body: {} }, { body: succeeded }],
      ['submit', 'http://x.example/film.mp4'],
    );
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain('Trying again');
  });

  test.for([
    ['nothing.mp4', 'There is no file'],
    ['empty.mp4', 'is empty'],
    ['.', 'is not a file'],
    ['ftp://x.example/film.mp4', 'neither a file nor an http(s) URL'],
    ['https://', 'neither a file nor an http(s) URL'],
    ['Фильм.mp4', 'No stream id can be made of Фильм.mp4'],
  ] as const)('of %s says what is wrong, and asks nobody', async ([input, said]) => {
    await writeFile(join(folder, 'empty.mp4'), '');
    await writeFile(join(folder, 'Фильм.mp4'), 'x');
    const ended = await against([started], ['submit', input]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(said);
    expect(api!.calls).toEqual([]);
  });

  test.for([
    ['https://x.example/Caf%C3%A9%20(2).mp4', 'cafe-2'],
    ['https://x.example/100%.mp4?token=1', '100'],
    ['https://x.example/__--a_b--.mov', 'a_b'],
    [`https://x.example/${'x'.repeat(63)}--y.mp4`, 'x'.repeat(63)],
  ] as const)('makes of %s the stream id %s', async ([url, streamId]) => {
    await against([started], ['submit', url, '--no-follow']);
    expect(api!.calls[0]?.body).toMatchObject({ streamId });
  });
});

const missing: Answer = { status: 404, body: { code: 'not-found', detail: 'None.' } };
/** A stream that is not published, and its latest run. */
const unpublished: Answer = {
  status: 404,
  body: { code: 'stream-missing', detail: 'Not yet.', operationId },
};
const published = {
  streamId: 'film',
  source: 'a',
  protected: false,
  sides: {
    a: { reachable: true, revision: 1, files: 9, bytes: 12_345_678, urls: side('a.example') },
    b: { reachable: false, problem: { code: 'media-service-unreachable', message: 'No answer.' } },
  },
  differences: ['b has no locator'],
  operationId,
};

describe('failover submit of a file', () => {
  let azurite: Azurite;
  let storage: string;
  beforeAll(async () => {
    storage = await mkdtemp(join(tmpdir(), 'failover-storage-'));
    azurite = await startAzurite({ location: storage, accounts: { uploads: undefined } });
  });
  afterAll(async () => {
    await azurite.close();
    await rm(storage, { recursive: true, force: true });
  });

  test('uploads it in blocks, with its progress, and never shows the upload URL', async () => {
    const account = azurite.account('uploads');
    const credential = new StorageSharedKeyCredential(account.name, account.key);
    const container = new BlobServiceClient(account.blobUrl, credential).getContainerClient('asset-1');
    await container.create();
    const blob = container.getBlockBlobClient('My film.mp4');
    const uploadUrl = await blob.generateSasUrl({
      permissions: BlobSASPermissions.parse('cw'),
      expiresOn: new Date(Date.now() + 60_000),
    });
    const content = randomBytes(20 * 2 ** 20);
    await writeFile(join(folder, 'My film.mp4'), content);

    const ended = await against(
      [
        missing,
        { status: 201, body: { assetId: 'nb:cid:UUID:1', dataCenter: 'b', uploadUrl, expires: '2030' } },
        started,
        { body: succeeded },
      ],
      ['submit', 'My film.mp4', '--source', 'b'],
    );

    expect(ended.code).toBe(0);
    expect(api!.calls.map(({ body }) => body).slice(0, 3)).toEqual([
      undefined,
      { fileName: 'My film.mp4', dataCenter: 'b' },
      { streamId: 'my-film', source: 'b', input: { assetId: 'nb:cid:UUID:1' } },
    ]);
    const stored = await blob.downloadToBuffer();
    expect(createHash('md5').update(stored).digest('hex')).toBe(
      createHash('md5').update(content).digest('hex'),
    );
    expect((await blob.getBlockList('committed')).committedBlocks).toHaveLength(3);
    expect(ended.stderr).toMatch(/Upload My film\.mp4 \d+% .* of 21\.0 MB/);
    expect(ended.stdout + ended.stderr).not.toContain('sig=');
  });

  test.each([
    ['a wrong stream id', ['--stream-id', 'a b'], [], 2, '--stream-id: must be 1 to 64 letters'],
    ['an unknown preset', ['--preset', 'P'], [], 2, '--preset: must be one of "Adaptive Streaming"'],
    ['a published stream', [], [{ body: published }], 6, 'film is published already'],
    ['one being published', [], [unpublished, { body: running }], 6, `status ${operationId} --watch`],
  ])('refuses %s before the upload', async (_what, options, answers, code, said) => {
    await writeFile(join(folder, 'film.mp4'), 'x');
    const ended = await against(answers, ['submit', 'film.mp4', ...options]);
    expect(ended).toMatchObject({ code, stderr: expect.stringContaining(said) as string });
    expect(api!.calls.map(({ method }) => method)).toEqual(answers.map(() => 'GET'));
  });

  test.each([
    ['whose latest run has failed', [unpublished, { body: failed }]],
    ['that cannot be asked about now', [{ status: 503, body: { code: 'media-service-unreachable' } }]],
  ])('uploads for a stream %s', async (_what, answers) => {
    await writeFile(join(folder, 'film.mp4'), 'x');
    const refused: Answer = { status: 422, body: { code: 'input-name', detail: 'Refused.' } };
    expect(await against([...answers, refused], ['submit', 'film.mp4'])).toMatchObject({ code: 2 });
    expect(api!.calls.at(-1)).toMatchObject({ method: 'POST', path: '/api/uploads' });
  });

  test('says that the upload failed without showing the upload URL', async () => {
    await writeFile(join(folder, 'film.mp4'), 'x');
    const uploadUrl = `${azurite.account('uploads').blobUrl}/none/film.mp4?sv=2021-10-04&sr=c&sig=c2VjcmV0`;
    const upload = { assetId: 'nb:cid:UUID:1', dataCenter: 'a', uploadUrl, expires: '2030' };
    const ended = await against([missing, { status: 201, body: upload }], ['submit', 'film.mp4']);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('could not be uploaded');
    expect(ended.stdout + ended.stderr).not.toContain('c2VjcmV0');
  });
});

describe('Ctrl-C', () => {
  test('while a run is followed ends the following only, and tells how to follow it again', async () => {
    const { child, stderr, ended } = await begunAgainst(
      [started, { body: running }],
      ['submit', 'http://x.example/film.mp4'],
    );
    await vi.waitUntil(() => stderr().includes('Wait for job 40%'), { timeout: 10_000 });
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ code: 130, stdout: '' });
    expect(stderr()).toContain(`The run goes on. Follow it again: failover status ${operationId} --watch\n`);
    expect(api!.calls.map(({ method }) => method).filter((method) => method !== 'GET')).toEqual(['POST']);
  });

  test('in the middle of an upload ends it, and nothing is submitted', async () => {
    await writeFile(join(folder, 'film.mp4'), 'x');
    let asked = false;
    // Takes the upload and never answers.
    const silent = createServer(() => (asked = true)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const uploadUrl = `http://127.0.0.1:${port}/films/film.mp4?sig=c2VjcmV0`;
    const upload = { assetId: 'nb:cid:UUID:1', dataCenter: 'a', uploadUrl, expires: '2030' };
    const { child, stderr, ended } = await begunAgainst(
      [missing, { status: 201, body: upload }],
      ['submit', 'film.mp4', '--json'],
    );
    await vi.waitUntil(() => asked, { timeout: 10_000 });
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    silent.close();
    silent.closeAllConnections();
    expect(code).toBe(130);
    expect(stderr()).toContain('The upload is stopped. Nothing is published.');
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'stopped' } });
    expect(api!.calls.map(({ path }) => path)).toEqual(['/api/streams/film', '/api/uploads']);
  });
});

describe('what nobody reads any more', () => {
  const sides = { a: { reachable: true }, b: { reachable: true } };

  test('is no failure', async () => {
    const { child, ended } = await begunAgainst([{ body: { streams: [], sides } }], ['list']);
    child.stdout!.destroy();
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect(api!.calls).toHaveLength(1);
  });

  test.skipIf(process.platform !== 'linux')('is one when there is no room for it', async () => {
    const full = await open('/dev/full', 'w');
    const { ended } = await begunAgainst([{ body: { streams: [], sides } }], ['list'], full.fd);
    expect(await ended).toMatchObject({ code: 1, stderr: 'error: The output cannot be written (ENOSPC).\n' });
    await full.close();
  });
});

describe('failover status', () => {
  test('shows a run as it is', async () => {
    const ended = await against([{ body: running }], ['status', operationId]);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('running');
    expect(ended.stdout).toContain('waitForJob, 40%');
  });

  test('--watch follows it until it has ended', async () => {
    const ended = await against([{ body: running }, { body: failed }], ['status', operationId, '--watch']);
    expect(ended.code).toBe(1);
    expect(api!.calls).toHaveLength(2);
  });
});

describe('failover status of a stream', () => {
  test('shows both sides', async () => {
    const ended = await against([missing, { body: published }, { body: failed }], ['status', 'film']);
    expect(ended.code).toBe(0);
    expect(api!.calls.map(({ path }) => path)).toEqual([
      '/api/operations/film',
      '/api/streams/film',
      `/api/operations/${operationId}`,
    ]);
    expect(ended.stdout).toContain('not known to be protected');
    expect(ended.stdout).toContain('9 files, 12.3 MB');
    expect(ended.stdout).toContain('unreachable  No answer.');
    expect(ended.stdout).toContain('b has no locator');
  });

  test('shows the run that is publishing it', async () => {
    const ended = await against([missing, unpublished, { body: running }], ['status', 'film']);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('waitForJob, 40%');
  });

  test('--watch follows the run that is publishing it', async () => {
    const ended = await against(
      [missing, unpublished, { body: running }, { body: running }, { body: succeeded }],
      ['status', 'film', '--watch', '--json'],
    );
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({ operationId, status: 'succeeded' });
  });

  test('is missing when the run that was to publish it is forgotten', async () => {
    expect(await against([missing, unpublished, missing], ['status', 'film'])).toMatchObject({ code: 4 });
  });

  test('--watch follows its latest run', async () => {
    const ended = await against(
      [missing, { body: published }, { body: running }, { body: running }, { body: succeeded }],
      ['status', 'film', '--watch', '--json'],
    );
    expect(ended.code).toBe(0);
    expect(JSON.parse(ended.stdout)).toMatchObject({ operationId, status: 'succeeded' });
  });

  test('--watch shows its latest run also when that has ended', async () => {
    const ended = await against(
      [missing, { body: published }, { body: failed }],
      ['status', 'film', '--watch', '--json'],
    );
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout)).toMatchObject({ operationId, status: 'failed' });
  });
});

describe('failover list', () => {
  const sides = { a: { reachable: true }, b: { reachable: true } };
  const listed = (streamId: string): unknown => ({
    streamId,
    source: 'a',
    revision: 1,
    created: '2026-01-02T03:04:05Z',
  });

  test('lists every page', async () => {
    const ended = await against(
      [
        { body: { streams: [listed('one')], sides, next: 'n/1' } },
        { body: { streams: [listed('two')], sides } },
      ],
      ['list'],
    );
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(api!.calls.map(({ path }) => path)).toEqual(['/api/streams', '/api/streams?after=n%2F1']);
    expect(ended.stdout).toMatch(/STREAM.*\none .*2026-01-02 03:04:05\ntwo /);
  });

  test('says which data center is unreachable', async () => {
    const problem = { code: 'media-service-unreachable', message: 'No answer.', retriable: true };
    const away = { ...sides, b: { reachable: false, problem } };
    const ended = await against([{ body: { streams: [listed('one')], sides: away } }], ['list']);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('one ');
    expect(ended.stderr).toMatch(/^Data center B is unreachable.* No answer\.\n$/);
  });

  test('says what to do when there is none', async () => {
    const ended = await against([{ body: { streams: [], sides } }], ['list']);
    expect(ended.stdout).toContain('failover submit');
  });
});

describe('exit codes', () => {
  const problem = (status: number, code: string): Answer => ({
    status,
    body: { type: 'about:blank', status, code, title: 'No.', detail: `Because of ${code}.` },
  });
  test.for([
    { answer: problem(400, 'stream-id'), code: 2, text: 'Because of stream-id.' },
    { answer: problem(401, 'unauthorized'), code: 5, text: 'FAILOVER_KEY' },
    { answer: problem(409, 'stream-exists'), code: 6, text: 'Because of stream-exists.' },
    { answer: problem(500, 'internal'), code: 1, text: 'Because of internal.' },
  ])('$code for what the API answers with $answer.status', async ({ answer, code, text }) => {
    const ended = await against([answer], ['submit', 'http://x.example/film.mp4']);
    expect(ended).toMatchObject({ code, stdout: '' });
    expect(ended.stderr).toContain(text);
  });

  test('and with --json the failure, as one line on stdout', async () => {
    const ended = await against(
      [problem(409, 'stream-exists')],
      ['submit', 'http://x.example/y.mp4', '--json'],
    );
    expect(ended.code).toBe(6);
    expect(JSON.parse(ended.stdout)).toEqual({
      error: { code: 'stream-exists', message: 'Because of stream-exists.' },
    });
  });

  test('4 when there is no such operation', async () => {
    expect(await against([problem(404, 'not-found')], ['status', 'x'])).toMatchObject({ code: 4 });
  });

  test.for([
    ['frobnicate'],
    ['submit'],
    ['outage', 'start', 'c'],
    ['submit', 'x', '--source', 'c'],
    ['list', '--url', 'nowhere'],
  ])('2 for the arguments %j', async (parameters) => {
    const ended = await runFailover(parameters, { cwd: folder });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
  });

  test('3 when nothing answers, with what to do', async () => {
    const server = await startStandInApi(() => ({ body: {} }));
    await server.close();
    const ended = await runFailover(['status', 'x'], { cwd: folder, env: { FAILOVER_URL: server.url } });
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toContain('ECONNREFUSED');
    expect(ended.stderr).toContain('npm start');
  });

  test('3 when no stack runs here', async () => {
    const ended = await runFailover(['outage', 'start', 'a'], { cwd: folder });
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain('npm start');
  });

  test('3 when something else answers', async () => {
    expect(await against([{ body: 'hello' }], ['status', 'x'])).toMatchObject({ code: 3 });
  });

  test('2 for a wrong setting, by its name', async () => {
    const ended = await runFailover(['status', 'x'], { cwd: folder, env: { FAILOVER_URL: 'nowhere' } });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('FAILOVER_URL');
  });
});

describe('the local stack', () => {
  test('that is found without its control.json is told as coming up or going', async () => {
    await writeFile(join(folder, 'stack.json'), '{}');
    const ended = await runFailover(['outage', 'start', 'a', '--data-dir', folder], { cwd: folder });
    expect(ended.code).toBe(3);
    expect(ended.stderr).toContain('is coming up or being stopped');
  });

  test('is found from a folder below', async () => {
    api = await startStandInApi(() => ({ body: running }));
    const side = {
      mediaApi: 'x',
      tokenUrl: 'x',
      acsTokenUrl: 'x',
      clientId: 'x',
      clientSecret: 'x',
      resource: 'x',
      streaming: 'x',
      storage: { account: 'x', key: 'x', blobUrl: 'x', queueUrl: 'x', tableUrl: 'x' },
      pid: 1,
    };
    await mkdir(join(folder, '.local'));
    await writeFile(
      join(folder, '.local', 'stack.json'),
      JSON.stringify({
        functions: { url: api.url, host: 'local', key: 'local-key', pid: 1 },
        dataCenters: { a: side, b: side },
        edge: { url: 'x', pid: 1 },
        azurite: { pid: 1 },
      }),
    );
    await mkdir(join(folder, 'films', 'new'), { recursive: true });
    const ended = await runFailover(['status', operationId], { cwd: join(folder, 'films', 'new') });
    expect(ended.code).toBe(0);
    expect(api.calls[0]?.key).toBe('local-key');

    // Named, it goes before what the environment says.
    const named = await runFailover(['status', operationId, '--data-dir', join(folder, '.local')], {
      cwd: folder,
      env: { FAILOVER_URL: 'http://films.example', FAILOVER_KEY: 'another-key' },
    });
    expect(named.code).toBe(0);
    expect(api.calls[1]?.key).toBe('local-key');
  });
});

test.for(['', ' submit', ' status', ' list', ' outage', ' outage start', ' outage end', ' restart'])(
  'the help of failover%s fits a terminal of 80 columns',
  async (command) => {
    const { code, stdout } = await runFailover([...command.split(' ').slice(1), '--help'], { cwd: folder });
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: failover${command} `);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
  },
);

test('--help tells the commands, the exit codes and examples', async () => {
  const { code, stdout } = await runFailover(['--help'], { cwd: folder });
  expect(code).toBe(0);
  for (const part of ['submit', 'status', 'list', 'outage', 'Exit codes', 'Examples']) {
    expect(stdout).toContain(part);
  }
});

test('--version tells which one it is', async () => {
  const { code, stdout } = await runFailover(['--version'], { cwd: folder });
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${version}\n` });
});
