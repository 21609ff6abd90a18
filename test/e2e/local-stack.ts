import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createMediaServices } from '../../src/media-services-client/client.ts';
import type { MediaServices } from '../../src/media-services-client/media-services.ts';
import { readSettings, writeSettings, type PortName } from '../../src/local/stack/settings.ts';
import { stackFile, type StackFile } from '../../src/local/stack/stack-file.ts';
import type { DataCenterKey } from '../../src/streams/data-center.ts';

const run = promisify(execFile);
const packageRoot = join(import.meta.dirname, '../..');
const startProgram = join(packageRoot, 'dist/local/start.mjs');

/** The outcome of the main job, as `npm start -- --json` prints it. */
export interface Report {
  readonly status: string;
  readonly streamId: string;
  readonly operationId: string;
  readonly locatorId: string;
  readonly protected: boolean;
  readonly urls: Readonly<Record<DataCenterKey, Readonly<Record<'smooth' | 'hls' | 'dash', string>>>>;
  readonly edge: Readonly<Record<'smooth' | 'hls' | 'dash', string>>;
  readonly compared: { readonly files: number; readonly bytes: number; readonly equal: boolean };
  readonly player: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface StartedStack {
  readonly pid: number;
  readonly dataDirectory: string;
  /** The line that `--json` printed. */
  readonly report: Promise<Report>;
  /** Everything on stdout and stderr so far. */
  readonly output: () => string;
  readonly stdout: () => string;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  file(): Promise<StackFile>;
  /** A call of the workflow's HTTP API, with the function key. */
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  media(dataCenter: DataCenterKey): Promise<MediaServices>;
  /** Stops it in order. */
  stop(): Promise<void>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // Judged by each test.
  readonly body: Record<string, unknown>;
}

export interface StackOptions {
  readonly dataDirectory: string;
  readonly parameters?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** A folder of its own under the system's temporary one. */
export function temporaryFolder(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `${name}-`));
}

/**
 * Gives a stack that is to be started ports of its own. With those of every first start, a program that a test has
 * taken away would have its port taken by another test's stack, which answers in its place. Below those that the
 * system hands out.
 */
export async function reservePorts(dataDirectory: string): Promise<void> {
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const { settings } = await readSettings(dataDirectory);
  const ports = { ...settings.ports };
  const names = Object.keys(ports) as PortName[];
  const first = 20_000 + ((process.pid * names.length) % 12_000);
  names.forEach((name, index) => (ports[name] = first + index));
  await writeSettings(dataDirectory, { ...settings, ports });
}

/** Starts the compiled stack as `npm start` does, encoding as fast as can be. */
export function startStack({ dataDirectory, parameters = [], environment = {} }: StackOptions): StartedStack {
  const child = spawn(
    process.execPath,
    [startProgram, '--json', '--data-dir', dataDirectory, ...parameters],
    {
      cwd: packageRoot,
      env: { ...process.env, ENCODER_SPEED: 'ultrafast', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = once(child, 'exit').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  const report = Promise.race([
    new Promise<Report>((resolve) => {
      createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line) as Report));
    }),
    once(child, 'close').then(() => {
      if (stdout.trim() !== '') return JSON.parse(stdout) as Report;
      throw new Error(`The stack ended without a result:\n${output}`);
    }),
  ]);
  report.catch(() => undefined);
  const file = (): Promise<StackFile> => readStackFile(dataDirectory);
  return {
    pid: child.pid!,
    dataDirectory,
    report,
    output: () => output,
    stdout: () => stdout,
    ended,
    file,
    async api(method, path, body) {
      const { url, key } = (await file()).functions!;
      const response = await fetch(`${url}${path}`, {
        method,
        headers: { 'x-functions-key': key, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
      };
    },
    async media(dataCenter) {
      const { mediaApi, tokenUrl, clientId, clientSecret, resource } = (await file()).dataCenters[dataCenter];
      return createMediaServices({
        mediaApi,
        tokenUrl,
        credentials: { tenantId: undefined, clientId, clientSecret, resource },
      });
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function readStackFile(dataDirectory: string): Promise<StackFile> {
  return stackFile.parse(JSON.parse(await readFile(join(dataDirectory, 'stack.json'), 'utf8')));
}

/** Every process of a stack. */
export function pidsOf({ functions, dataCenters, edge, azurite }: StackFile): readonly number[] {
  return [functions!.pid, dataCenters.a.pid, dataCenters.b.pid, edge.pid, azurite.pid];
}

/** A short video with sound. */
export async function makeClip(path: string, seconds = 2): Promise<void> {
  await run('ffmpeg', [
    ...['-nostdin', '-v', 'error', '-y'],
    ...['-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=25:duration=${seconds}`],
    ...['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-shortest', path],
  ]);
}

/** Decodes everything at a URL; throws with what ffmpeg complains of. */
export async function decode(url: string): Promise<{ readonly complaints: string }> {
  const { stderr } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-i', url, '-f', 'null', '-']);
  return { complaints: stderr };
}

/** Whether something listens there. */
export async function listens(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = createConnection(Number(port), hostname);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export function removeFolder(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
