/**
 * Serving fragments: the media service, as it is deployed and with its storage, beside nginx with the same fragments as
 * plain files, and beside a bare node:http server that does nothing but write them: what any Node program could do at
 * most. wrk asks; each server has one process for its work.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../src/local/stack/ports.ts';
import { startAzurite } from '../src/local/azurite.ts';
import { publishFiles } from '../test/media-service/origin/publish.ts';
import { makeStored, syntheticVideo } from '../test/media-service/packager/synthetic.ts';
import type { Benchmark, Contender, Outcome, Prepared, Work } from './benchmark.ts';
import { findOnPath } from './measured-process.ts';

const run = promisify(execFile);

/** Bytes of the media of a fragment: of sound, of a 1080p rendition's two seconds on average and at its peak. */
const fragmentSizes = [32_000, 460_000, 1_700_000];
/** Samples of a fragment: two seconds at 30 frames a second. */
const framesPerFragment = 60;
const frameDuration = 3000;
const bitrate = 6_780_000;

/** Started programs and folders, ended and removed in the order they came. */
class Workbench {
  readonly #ends: (() => Promise<unknown>)[] = [];

  /** Remembers what is to be done at the end. */
  atEnd(end: () => Promise<unknown>): void {
    this.#ends.push(end);
  }

  async close(): Promise<void> {
    for (const end of this.#ends) await end();
  }

  /** A process that is stopped at the end. */
  start(program: string, parameters: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(program, parameters, {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, ...environment },
    });
    const exited = once(child, 'exit');
    this.atEnd(async () => {
      child.kill('SIGTERM');
      await exited;
    });
    return child;
  }

  /** A program of this project, or alike: where it says that it listens. */
  async listening(child: ChildProcess): Promise<string> {
    if (child.stdout === null) throw new Error('The process has no stdout.');
    for await (const line of createInterface(child.stdout)) {
      return (JSON.parse(line) as { listening: string }).listening;
    }
    throw new Error('A server ended before it listened.');
  }
}

export const originBenchmark: Benchmark = {
  name: 'origin',
  title: 'Serving fragments',
  missing() {
    const absent = ['nginx', 'wrk'].filter((program) => findProgram(program) === undefined);
    return absent.length === 0 ? undefined : `there is no ${absent.join(' and no ')}`;
  },
  async prepare({ quick }) {
    const bench = new Workbench();
    try {
      return await prepare(bench, quick);
    } catch (error) {
      await bench.close();
      throw error;
    }
  },
};

/** Debian has nginx where only the administrator's PATH looks. */
function findProgram(program: string): string | undefined {
  return findOnPath(program) ?? findOnPath(join('..', 'sbin', program));
}

async function prepare(bench: Workbench, quick: boolean): Promise<Prepared> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-origin-'));
  const origin = await startMediaService(bench, join(folder, 'storage'));
  const fragments = await Promise.all(
    fragmentSizes.map(async (size, number) => {
      const path = `${origin}/QualityLevels(${bitrate})/Fragments(video=${number * 20_000_000},format=mpd-time-cmaf)`;
      const response = await fetch(path);
      if (!response.ok) throw new Error(`The media service answers ${response.status}.`);
      return { size, path, bytes: Buffer.from(await response.arrayBuffer()) };
    }),
  );
  const files = join(folder, 'files');
  await mkdir(files);
  for (const { size, bytes } of fragments) await writeFile(join(files, `${size}.m4s`), bytes);
  const nginx = await startNginx(bench, folder, files);
  const bare = await bench.listening(bench.start(process.execPath, ['-e', bareServer, files]));
  bench.atEnd(() => rm(folder, { recursive: true, force: true }));

  const seconds = quick ? 1 : 4;
  const works = (quick ? fragments.slice(0, 1) : fragments).flatMap(({ size, path }) =>
    (quick ? [32] : [32, 128, 256]).map((connections): Work => {
      const contender = (name: string, url: string): Contender => ({
        name,
        run: () => load(url, connections, seconds),
      });
      return {
        title: `Fragments of ${size / 1000} kB, ${connections} connections`,
        unit: 'requests/s',
        contenders: [
          contender('nginx, plain files', `${nginx}/${size}.m4s`),
          contender('media service', path),
          contender('bare node:http', `${bare}/${size}.m4s`),
        ],
        note: 'The load generator takes its share of the same processors.',
      };
    }),
  );
  return { works, close: () => bench.close() };
}

/** A media service over a storage emulator, with one published asset. The answer is the URL of its server manifest. */
async function startMediaService(bench: Workbench, location: string): Promise<string> {
  const azurite = await startAzurite({ location, accounts: { bench: undefined } });
  const account = azurite.account('bench');
  const client = { clientId: 'bench', clientSecret: randomBytes(16).toString('hex') };
  const program = fileURLToPath(new URL('../media-service/main.mjs', import.meta.url));
  const url = await bench.listening(
    bench.start(process.execPath, [program], {
      MEDIA_SERVICE_ROLES: 'api',
      MEDIA_SERVICE_ACCOUNT: 'bench',
      MEDIA_SERVICE_CLIENT_ID: client.clientId,
      MEDIA_SERVICE_CLIENT_SECRET: client.clientSecret,
      STORAGE_CONNECTION_STRING: account.connectionString,
    }),
  );
  bench.atEnd(() => azurite.close());
  const track = makeStored({
    ...syntheticVideo(6),
    segments: fragmentSizes.map((size) =>
      Array.from({ length: framesPerFragment }, () => ({
        duration: frameDuration,
        size: Math.round(size / framesPerFragment),
      })),
    ),
  });
  const serverManifest = `<smil><body><switch><video src="bench.cmfv" systemBitrate="${bitrate}"/></switch></body></smil>`;
  const locator = await publishFiles(
    { url, ...client, account },
    new Map([
      ['bench.cmfv', track],
      ['bench.ism', Buffer.from(serverManifest)],
    ]),
  );
  return `${url}/${locator}/bench.ism`;
}

async function startNginx(bench: Workbench, folder: string, files: string): Promise<string> {
  const port = await freePort(0);
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join(' ');
  const configuration = join(folder, 'nginx.conf');
  await writeFile(
    configuration,
    // An nginx that root starts would go on as a user who may not read the folder.
    `${process.getuid?.() === 0 ? 'user root; ' : ''}worker_processes 1; daemon off; pid ${join(folder, 'nginx.pid')}; error_log ${join(folder, 'error.log')};
events { worker_connections 1024; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; ${scratch}
  open_file_cache max=100;
  default_type video/mp4;
  server { listen 127.0.0.1:${port}; root ${files}; add_header Access-Control-Allow-Origin *; }
}
`,
  );
  bench.start(findProgram('nginx') ?? 'nginx', ['-c', configuration]);
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      await (await fetch(url)).arrayBuffer();
      return url;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** The least that a Node server can do for a fragment. */
const bareServer = `
const files = new Map(require('fs').readdirSync(process.argv[1]).map((name) =>
  ['/' + name, require('fs').readFileSync(process.argv[1] + '/' + name)]));
const server = require('http').createServer((request, response) => {
  const body = files.get(request.url);
  response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': body.length });
  response.end(body);
}).listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ listening: 'http://127.0.0.1:' + server.address().port })));
`;

/** Requests a second that wrk gets answered; any failed one is an error. */
async function load(url: string, connections: number, seconds: number): Promise<Outcome> {
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, url]);
  const rate = /Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1];
  if (rate === undefined || /Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk says:\n${stdout}`);
  return { value: Number(rate) };
}
