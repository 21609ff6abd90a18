import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A file descriptor in the place of stdout. */
  readonly stdout?: number;
}

export interface RunningFailover {
  readonly child: ChildProcess;
  /** What it has said on stderr so far. */
  readonly stderr: () => string;
  readonly ended: Promise<Ended>;
}

const failoverProgram = join(import.meta.dirname, '../../dist/cli/main.mjs');

/** Starts the compiled command as a user would. */
export function startFailover(parameters: readonly string[], options: Surroundings): RunningFailover {
  const environment = { ...process.env, FAILOVER_URL: '', FAILOVER_KEY: '' };
  const child = spawn(process.execPath, [failoverProgram, ...parameters], {
    cwd: options.cwd,
    env: { ...environment, ...options.env },
    stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, stderr: () => stderr, ended };
}

/** Runs the compiled command to its end. */
export async function runFailover(parameters: readonly string[], options: Surroundings): Promise<Ended> {
  return await startFailover(parameters, options).ended;
}
