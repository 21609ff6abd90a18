import { spawn } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where a program is on PATH; undefined when it is not. */
export function findOnPath(program: string): string | undefined {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

export interface ProcessOutcome {
  readonly stdout: string;
  /** From its start to its end. */
  readonly seconds: number;
  /** Resident bytes at most, seen every 20 ms; undefined where the kernel does not tell (not Linux). */
  readonly peakMemory: number | undefined;
}

/**
 * Runs a program to its end.
 * @throws Error with the end of what it wrote on stderr when it fails
 */
export async function runMeasured(
  program: string,
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<ProcessOutcome> {
  const started = performance.now();
  const child = spawn(program, parameters, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-2000)));
  let peakMemory: number | undefined;
  const timer = setInterval(() => (peakMemory = peakOf(child.pid) ?? peakMemory), 20);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    if (code !== 0) throw new Error(`${program} ended with ${code ?? 'a signal'}: ${stderr.trim()}`);
    return { stdout, seconds: (performance.now() - started) / 1000, peakMemory };
  } finally {
    clearInterval(timer);
  }
}

/** The kernel's high-water mark of a process: it only grows, so that the last look is the peak. */
function peakOf(pid: number | undefined): number | undefined {
  try {
    const kibibytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid ?? 0}/status`, 'utf8'))?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}
