import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { DataDirectoryLock } from './lock.ts';
import { signalGroup } from './process-identity.ts';
import { ProgramEndedError, startProgram, type Program, type RunningProgram } from './program.ts';
import type { ProgramState } from './stack-parts.ts';

interface Member {
  readonly running: RunningProgram;
  readonly logFile: string;
  state: ProgramState;
  /** Its end is our doing. */
  ending: boolean;
}

export interface SupervisorOptions {
  readonly lock: DataDirectoryLock;
  /** The compiled caretaker.ts. */
  readonly caretakerScript: string;
  readonly caretakerLogFile: string;
  /** Told of a program that ended by itself. It is not started again: that would hide what happened. */
  readonly endedByItself: (name: string, error: ProgramEndedError) => void;
}

/** The stack is being stopped; what was to be started is not. */
export class StackClosingError extends Error {
  override readonly name = 'StackClosingError';
  readonly code = 'stack-closing';

  constructor() {
    super('The stack is being stopped.');
  }
}

/** Starts and ends the programs of a stack, and knows which of them are there. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #members = new Map<string, Member>();
  readonly #caretaker: ChildProcess;
  #closing = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const log = openSync(options.caretakerLogFile, 'a', 0o600);
    const caretaker = spawn(process.execPath, [options.caretakerScript], {
      detached: true,
      stdio: ['pipe', 'ignore', log],
    });
    closeSync(log);
    caretaker.unref();
    // When it is gone the stack still ends its programs itself.
    caretaker.stdin?.on('error', () => undefined);
    this.#caretaker = caretaker;
  }

  /**
   * Starts a program and waits until it listens: its base URL.
   * @throws ProgramEndedError when it ends before it listens, ProgramMissingError
   */
  async start(program: Program): Promise<{ url: string; pid: number }> {
    if (this.#closing) throw new StackClosingError();
    const running = await startProgram(program);
    const member = this.#add(running, program.logFile);
    await this.watch(program.name, running.pid);
    const url = await running.url;
    if (member.state === 'starting') member.state = 'running';
    return { url, pid: running.pid };
  }

  /** Takes a program under supervision that listens already, and that is watched already. */
  adopt(running: RunningProgram, logFile: string): void {
    this.#add(running, logFile).state = 'running';
  }

  /** From now on the process is ended when this one is, however that happens. */
  async watch(name: string, pid: number): Promise<void> {
    this.#tellCaretaker({ watch: pid });
    await this.#options.lock.add(name, pid);
  }

  #add(running: RunningProgram, logFile: string): Member {
    const member: Member = { running, logFile, state: 'starting', ending: false };
    this.#members.set(running.name, member);
    void running.exited.then((how) => {
      const surprise = member.state !== 'starting' && !member.ending;
      member.state = 'ended';
      this.#tellCaretaker({ forget: running.pid });
      if (surprise) {
        this.#options.endedByItself(running.name, new ProgramEndedError(running.name, how, logFile));
      }
    });
    return member;
  }

  stateOf(name: string): ProgramState {
    return this.#members.get(name)?.state ?? 'ended';
  }

  /** Ends it as a lost machine would: at once. */
  async kill(name: string): Promise<void> {
    const member = this.#members.get(name);
    if (member === undefined || member.state === 'ended') return;
    member.ending = true;
    signalGroup(member.running.pid, 'SIGKILL');
    await member.running.exited;
  }

  /** Stops it where it is: connections stay open and nothing answers. */
  hang(name: string): void {
    const member = this.#members.get(name);
    if (member?.state !== 'running') return;
    signalGroup(member.running.pid, 'SIGSTOP');
    member.state = 'hanging';
  }

  /** Lets a hanging program go on. */
  resume(name: string): void {
    const member = this.#members.get(name);
    if (member?.state !== 'hanging') return;
    signalGroup(member.running.pid, 'SIGCONT');
    member.state = 'running';
  }

  /** Ends it in order. */
  async end(name: string): Promise<void> {
    const member = this.#members.get(name);
    if (member === undefined || member.state === 'ended') return;
    member.ending = true;
    await member.running.close();
  }

  /** Ends everything, in this order. Nothing is started any more. */
  async close(order: readonly string[]): Promise<void> {
    this.#closing = true;
    for (const name of order) await this.end(name);
  }

  /** Lets the caretaker go; nothing must be left for it. */
  release(): void {
    this.#caretaker.stdin?.end();
  }

  /** Ends everything at once. */
  forceEnd(): void {
    for (const member of this.#members.values()) {
      if (member.state === 'ended') continue;
      this.#closing = true;
      member.ending = true;
      signalGroup(member.running.pid, 'SIGKILL');
    }
  }

  #tellCaretaker(line: { watch: number } | { forget: number }): void {
    this.#caretaker.stdin?.write(`${JSON.stringify(line)}\n`);
  }
}
