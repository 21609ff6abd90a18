import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { messageOf } from '../../../message-of.ts';
import { failure, type TaskOutcome } from './messages.ts';
import type { ActivityTask, WorkItem, WorkStore } from './work-store.ts';

/** Waiting activities that are held with their input. */
const mostHeld = 500;

export interface ActivityWorkerOptions {
  readonly store: WorkStore;
  readonly hostId: string;
  /** How many activities run at once. */
  readonly concurrency: number;
  /** Runs an activity function and gives its result as JSON. */
  readonly run: (task: ActivityTask) => Promise<string>;
  /** Called once a result is stored. */
  readonly finished: (instanceId: string) => void;
  readonly log: Logger;
}

/** Runs the hub's activities on this host, as many at once as allowed. */
export class ActivityWorker {
  readonly #options: ActivityWorkerOptions;
  readonly #running = new Map<string, ActivityTask>();
  readonly #offers = new Map<string, WorkItem>();
  #reserved = 0;
  #closing = false;

  constructor(options: ActivityWorkerOptions) {
    this.#options = options;
  }

  /** Takes up to so many free places for activities that are about to be added; `start` or `release` gives them back. */
  reserve(count: number): number {
    const free = this.#options.concurrency - this.#running.size - this.#reserved;
    const taken = this.#closing ? 0 : Math.max(0, Math.min(count, free));
    this.#reserved += taken;
    return taken;
  }

  release(count: number): void {
    this.#reserved -= count;
    this.#pull();
  }

  /** Runs an activity that this host owns already. */
  start(task: ActivityTask): void {
    const id = identity(task);
    if (this.#running.has(id)) return;
    this.#running.set(id, task);
    void this.#carryOut(task).finally(() => {
      this.#running.delete(id);
      this.#pull();
    });
  }

  runs(item: WorkItem): boolean {
    return this.#running.has(identity(item));
  }

  /** An activity that waits, or whose host is gone. */
  offer(item: WorkItem): void {
    const id = identity(item);
    if (this.#closing || this.#running.has(id) || this.#offers.has(id)) return;
    // What waits for long is remembered without its input.
    const { instanceId, key, kind, owner } = item;
    this.#offers.set(id, this.#offers.size < mostHeld ? item : { instanceId, key, kind, owner });
    this.#pull();
  }

  /** Takes nothing more, waits so long for what runs, and gives the rest back. */
  async close(patience: number): Promise<void> {
    this.#closing = true;
    this.#offers.clear();
    const end = Date.now() + patience;
    while (this.#running.size > 0 && Date.now() < end) await delay(50);
    await Promise.all([...this.#running.values()].map((task) => this.#options.store.giveBack(task)));
  }

  #pull(): void {
    const { concurrency } = this.#options;
    for (const [id, offer] of this.#offers) {
      if (this.#closing || this.#running.size + this.#reserved >= concurrency) return;
      this.#offers.delete(id);
      if (this.#running.has(id)) continue;
      this.#reserved++;
      void this.#claim(offer).finally(() => this.release(1));
    }
  }

  async #claim(offer: WorkItem): Promise<void> {
    const { store, hostId, log } = this.#options;
    try {
      const task = await store.claim(offer, hostId);
      if (task !== undefined) this.start(task);
    } catch (error) {
      // It stays in the table, and the next look at the table finds it.
      log.warn({ instanceId: offer.instanceId, error: messageOf(error) }, 'An activity could not be taken');
    }
  }

  async #carryOut(task: ActivityTask): Promise<void> {
    const { store, finished, log } = this.#options;
    const { instanceId, name, taskId } = task;
    const outcome = await this.#outcomeOf(task);
    for (let pause = 200; ; pause = Math.min(2 * pause, 5000)) {
      try {
        const counts = await store.finish(task, outcome);
        if (!counts)
          log.warn({ instanceId, activity: name, taskId }, 'The result of a lost activity is dropped');
        break;
      } catch (error) {
        log.warn({ instanceId, activity: name, error: messageOf(error) }, 'A result could not be stored yet');
        await delay(pause);
      }
    }
    finished(instanceId);
  }

  async #outcomeOf(task: ActivityTask): Promise<TaskOutcome> {
    const { run, log } = this.#options;
    const { instanceId, name, taskId } = task;
    try {
      return { failed: false, result: await run(task) };
    } catch (error) {
      const message = messageOf(error);
      log.warn({ instanceId, activity: name, taskId, error: message }, 'An activity failed');
      return failure(`Activity function '${name}' failed: ${message}`, message);
    }
  }
}

function identity({ instanceId, key }: WorkItem): string {
  return `${instanceId}/${key}`;
}
