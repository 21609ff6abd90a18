import { build } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { locatorGuid } from '../media-service/origin/folder-content.ts';

export const streamPath = `/${locatorGuid}/hello.ism`;
export const manifests = {
  hls: `${streamPath}/manifest(format=m3u8-cmaf)`,
  dash: `${streamPath}/manifest(format=mpd-time-cmaf)`,
  smooth: `${streamPath}/manifest`,
} as const;
const root = fileURLToPath(new URL('../../', import.meta.url));

/** A program that has told where it listens. */
export interface Program {
  /** Without a slash at its end. */
  readonly url: string;
  /** The lines it wrote to stdout, as they come. */
  readonly lines: readonly string[];
  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
  close(): Promise<void>;
}

/** Starts a program of this project and waits for its first line, `{"listening":"http://…"}`. */
async function startProgram(script: string, args: readonly string[]): Promise<Program> {
  const child: ChildProcess = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      lines.push(line);
      if (lines.length === 1) resolve((JSON.parse(line) as { listening: string }).listening);
    });
    void exited.then(() => reject(new Error(`${script} ended before it listened: ${errors}`)));
  });
  return {
    url,
    lines,
    kill: (signal) => void child.kill(signal),
    async close() {
      // A frozen process takes no SIGTERM.
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await exited;
    },
  };
}

export interface TwoDataCenters {
  readonly a: Program;
  readonly b: Program;
  readonly edge: Program;
  close(): Promise<void>;
}

/** The streaming endpoints of two data centers with the same stream, and the edge before them: three processes. */
export async function startTwoDataCenters(
  options: {
    /** Milliseconds that a fragment takes, in either of them. */ readonly slow?: number;
    readonly edgeArguments?: readonly string[];
  } = {},
): Promise<TwoDataCenters> {
  const folder = await mkdtemp(join(tmpdir(), 'streaming-endpoint-'));
  const script = join(folder, 'streaming-endpoint.mjs');
  await build({
    entryPoints: [join(root, 'test/browser/streaming-endpoint.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: script,
  });
  const args = [join(root, 'test/fixtures/hello'), String(options.slow ?? 0)];
  const [a, b] = await Promise.all([startProgram(script, args), startProgram(script, args)]);
  const more = options.edgeArguments ?? [];
  const edge = await startProgram(join(root, 'dist/local/edge.mjs'), ['--a', a.url, '--b', b.url, ...more]);
  return {
    a,
    b,
    edge,
    async close() {
      await Promise.all([a.close(), b.close(), edge.close()]);
      await rm(folder, { recursive: true });
    },
  };
}
