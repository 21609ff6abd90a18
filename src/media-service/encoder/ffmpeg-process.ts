import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly killedBy: NodeJS.Signals | null;
  /** The last lines of stderr, without the input's address. */
  readonly errors: string;
}

export interface RunningProcess {
  /** What it writes to the file descriptors from 3 on. */
  readonly pipes: readonly Readable[];
  readonly stdout: Readable;
  readonly ended: Promise<ProcessEnd>;
}

const mostErrorText = 4000;

/**
 * Starts ffmpeg or ffprobe without a shell and with an empty environment (no proxy, no secret). Aborting the signal
 * kills it at once: what it made is thrown away. Should this process die, its pipes break and it ends by itself.
 */
export function startProcess(
  program: string,
  commandArguments: readonly string[],
  options: { readonly pipes: number; readonly hide: string; readonly signal: AbortSignal },
): RunningProcess {
  const child = spawn(program, commandArguments, {
    stdio: ['ignore', 'pipe', 'pipe', ...Array.from({ length: options.pipes }, () => 'pipe' as const)],
    env: {},
    windowsHide: true,
  });
  if (child.pid !== undefined) lowerPriority(child.pid);
  const kill = (): boolean => child.kill('SIGKILL');
  if (options.signal.aborted) kill();
  options.signal.addEventListener('abort', kill, { once: true });

  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-mostErrorText);
  });
  const exit = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    pipes: child.stdio.slice(3) as Readable[],
    stdout: child.stdio[1] ?? Readable.from([]),
    ended: exit
      .then(([exitCode, killedBy]) => ({
        exitCode,
        killedBy,
        errors: errors.replaceAll(options.hide, 'the input').trim(),
      }))
      .finally(() => options.signal.removeEventListener('abort', kill)),
  };
}

/** Viewers are served by the same machine: encoding gets what they leave. */
function lowerPriority(pid: number): void {
  try {
    setPriority(pid, 5);
  } catch {
    // It has ended already, or the system does not allow it: then it competes.
  }
}

/**
 * Reads what `-progress` writes: `key=value` lines.
 * @param onTime told the time in seconds up to which everything is encoded
 */
export function readProgress(pipe: Readable, onTime: (seconds: number) => void): void {
  createInterface({ input: pipe }).on('line', (line) => {
    // In spite of its name in microseconds, in every version.
    const match = /^out_time_ms=(\d+)/.exec(line);
    if (match !== null) onTime(Number(match[1]) / 1e6);
  });
}
