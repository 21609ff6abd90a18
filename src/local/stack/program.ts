import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import type { Environment } from '../../config/settings.ts';
import { lastLines } from './log-file.ts';
import { signalGroup, signalProcess } from './process-identity.ts';

/** One program of the stack. */
export interface Program {
  readonly name: string;
  /** The executable and its arguments. */
  readonly command: readonly [string, ...string[]];
  readonly environment: Environment;
  readonly workingDirectory: string;
  /** Where its output goes. */
  readonly logFile: string;
  /** Where it will listen; absent: it says so itself, as its first line on stdout, `{"listening":"http://…"}`. */
  readonly url?: string;
}

export interface RunningProgram {
  readonly name: string;
  readonly pid: number;
  /**
   * Its base URL, without a slash at its end, as soon as it listens.
   * @throws ProgramEndedError when it ends before
   */
  readonly url: Promise<string>;
  /** Ends with the process: the code or signal it ended with. */
  readonly exited: Promise<string>;
  /** Ends it in order; by force when it does not within the time. A stopped one is continued first. */
  close(patienceMilliseconds?: number): Promise<void>;
}

/** There is no such executable. */
export class ProgramMissingError extends Error {
  override readonly name = 'ProgramMissingError';
  readonly code = 'program-missing';

  constructor(executable: string, reason: string) {
    super(`${executable} cannot be started: ${reason}`);
  }
}

/** A program of the stack did not come up, or ended by itself. The message holds the last lines of its log. */
export class ProgramEndedError extends Error {
  override readonly name = 'ProgramEndedError';
  readonly code = 'program-ended';
  readonly portTaken: boolean;

  constructor(program: string, how: string, logFile: string) {
    const lines = lastLines(logFile, 12);
    super(`${program} ended (${how}). The end of ${logFile}:\n${lines}`);
    this.portTaken = lines.includes('EADDRINUSE');
  }
}

const announcement = z.object({ listening: z.url() });

/**
 * Starts a program in a process group of its own: a Ctrl-C at the terminal reaches only the stack, which then stops
 * its programs in order.
 * @throws ProgramMissingError
 */
export async function startProgram(program: Program): Promise<RunningProgram> {
  const log = openSync(program.logFile, 'a', 0o600);
  const [executable, ...parameters] = program.command;
  const child = spawn(executable, parameters, {
    detached: true,
    stdio: ['ignore', 'pipe', log],
    cwd: program.workingDirectory,
    env: program.environment,
  });
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code ?? 'unknown'}`));
    child.once('error', (error) => resolve(error.message));
  });
  const listening = new Promise<string>((resolve) => {
    if (program.url !== undefined) resolve(program.url);
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = announcedUrl(line);
      if (url === undefined) writeSync(log, `${line}\n`);
      else resolve(url.replace(/\/$/, ''));
    });
  });
  child.once('close', () => closeSync(log));

  const { pid } = child;
  if (pid === undefined) throw new ProgramMissingError(executable, await exited);
  // What it started must not outlive it, however it ended.
  const gone = exited.then((how) => {
    signalGroup(pid, 'SIGKILL');
    return how;
  });
  const endedEarly = gone.then((how) => {
    throw new ProgramEndedError(program.name, how, program.logFile);
  });
  const url = Promise.race([listening, endedEarly]);
  url.catch(() => undefined);
  return {
    name: program.name,
    pid,
    url,
    exited: gone,
    async close(patienceMilliseconds = 10_000) {
      signalProcess(pid, 'SIGTERM');
      signalGroup(pid, 'SIGCONT');
      const force = setTimeout(() => signalGroup(pid, 'SIGKILL'), patienceMilliseconds);
      await gone;
      clearTimeout(force);
    },
  };
}

function announcedUrl(line: string): string | undefined {
  if (!line.startsWith('{"listening"')) return undefined;
  return announcement.safeParse(JSON.parse(line)).data?.listening;
}
