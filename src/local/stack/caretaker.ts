/**
 * The program that keeps a killed stack from leaving anything behind. The stack tells it on stdin, a JSON line each,
 * which processes it started (`{"watch":pid}`) and which have ended (`{"forget":pid}`). When stdin closes, because the
 * stack has ended in whatever way, those that are left are ended in the reverse order of their start, also stopped
 * ones and those that would not notice the loss of a parent.
 */
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import {
  identityOf,
  isRunning,
  signalGroup,
  signalProcess,
  type ProcessIdentity,
} from './process-identity.ts';

const patienceMilliseconds = 8000;
const watched = new Map<number, ProcessIdentity>();

for await (const line of createInterface({ input: process.stdin })) {
  const { watch, forget } = JSON.parse(line) as { watch?: number; forget?: number };
  if (watch !== undefined) watched.set(watch, identityOf(watch));
  if (forget !== undefined) watched.delete(forget);
}
for (const identity of [...watched.values()].reverse()) await end(identity);

async function end(identity: ProcessIdentity): Promise<void> {
  const { pid } = identity;
  if (isRunning(identity)) {
    signalProcess(pid, 'SIGTERM');
    signalGroup(pid, 'SIGCONT');
    const deadline = Date.now() + patienceMilliseconds;
    while (isRunning(identity) && Date.now() < deadline) await delay(20);
  }
  signalGroup(pid, 'SIGKILL');
}
