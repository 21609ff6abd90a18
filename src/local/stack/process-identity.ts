import { readFileSync } from 'node:fs';

/**
 * A process as one can name it later: ids are given out again, so its start time goes with it where the system tells
 * it (Linux; ticks since boot, with the boot's id, because ids start over then).
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started?: string | undefined;
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, started: startedOf(pid) };
}

/** Whether this very process still runs. A zombie does not. */
export function isRunning({ pid, started }: ProcessIdentity): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const now = startedOf(pid);
  if (now === 'ended') return false;
  return started === undefined || now === undefined || now === started;
}

/** proc(5), /proc/pid/stat: field 3 is the state, field 22 the start time. */
function startedOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in field 2 may hold spaces and brackets; the fields after its last bracket do not.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return 'ended';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot}:${fields[19] ?? ''}`;
  } catch {
    return undefined;
  }
}

/** Sends a signal to a process; one that has ended is fine. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Signals a process and those it started: each program of a stack leads a process group of its own. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  signalProcess(-leader, signal);
}
