import type { TableClient } from '@azure/data-tables';
import { Cron } from 'croner';
import type { Logger } from 'pino';
import { messageOf } from '../../../message-of.ts';
import type { AppFunction } from '../app/function-app.ts';
import type { Invocation } from '../app/invoker.ts';
import { hasStatus } from '../durable/hub-storage.ts';
import { FunctionAppError } from '../errors.ts';
import { longestTimeout } from '../longest-timeout.ts';

interface TimerRow extends Record<string, unknown> {
  /** The occurrence that ran last, or the time of the first start. */
  readonly last?: Date;
  readonly next?: Date;
}

interface Timer {
  readonly called: AppFunction<'timertrigger'>;
  readonly schedule: Cron;
  running: boolean;
  timeout?: NodeJS.Timeout;
}

const partitionKey = 'timer';

/**
 * The timer-triggered functions. Whoever writes an occurrence into the timer's row first runs it: so one host fires
 * when several share a hub, and a host that starts late sees what was missed.
 */
export class TimerFunctions {
  readonly #timers: readonly Timer[];
  readonly #table: TableClient;
  readonly #invoke: (called: AppFunction, invocation: Invocation) => Promise<unknown>;
  readonly #log: Logger;
  readonly #running = new Set<Promise<void>>();
  #closing = false;

  /** @throws FunctionAppError when a schedule cannot be understood */
  constructor(options: {
    functions: readonly AppFunction<'timertrigger'>[];
    settings: Readonly<Record<string, string | undefined>>;
    table: TableClient;
    invoke: (called: AppFunction, invocation: Invocation) => Promise<unknown>;
    log: Logger;
  }) {
    this.#timers = options.functions.map((called) => ({
      called,
      schedule: scheduleOf(called, options.settings),
      running: false,
    }));
    this.#table = options.table;
    this.#invoke = options.invoke;
    this.#log = options.log;
  }

  async start(): Promise<void> {
    for (const timer of this.#timers) {
      const { runOnStartup, useMonitor } = timer.called.trigger;
      const row = await this.#row(timer);
      const missed = row?.next !== undefined && new Date(row.next) <= new Date();
      if (row === undefined) await this.#take(timer, undefined, new Date());
      if (runOnStartup === true) this.#track(this.#run(timer, { isPastDue: missed, last: row?.last }));
      else if (missed && useMonitor !== false) this.#track(this.#fire(timer, new Date(row.next), true));
      this.#arm(timer);
    }
  }

  /** Runs a timer function now, outside its schedule; false when there is none of that name. */
  runNow(name: string): boolean {
    const timer = this.#timers.find(({ called }) => called.name.toLowerCase() === name.toLowerCase());
    if (timer === undefined) return false;
    this.#track(this.#run(timer, { isPastDue: false, last: undefined }));
    return true;
  }

  /** Fires nothing more and waits for what runs, at most so many milliseconds. */
  async close(patience: number): Promise<void> {
    this.#closing = true;
    for (const { timeout } of this.#timers) clearTimeout(timeout);
    let timeout: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => (timeout = setTimeout(resolve, patience)));
    await Promise.race([Promise.all(this.#running), enough]);
    clearTimeout(timeout);
  }

  #arm(timer: Timer): void {
    const next = timer.schedule.nextRun();
    if (next === null || this.#closing) return;
    const wait = Math.max(next.getTime() - Date.now(), 0);
    timer.timeout = setTimeout(
      () => {
        if (wait > longestTimeout) this.#arm(timer);
        else {
          this.#track(this.#fire(timer, next, false));
          this.#arm(timer);
        }
      },
      Math.min(wait, longestTimeout),
    );
  }

  /** Runs an occurrence, unless another host has taken it or the function still runs. */
  async #fire(timer: Timer, occurrence: Date, isPastDue: boolean): Promise<void> {
    if (timer.running) return;
    timer.running = true;
    try {
      const row = await this.#row(timer);
      const isTaken = row?.last !== undefined && new Date(row.last) >= occurrence;
      if (isTaken || !(await this.#take(timer, row, isPastDue ? new Date() : occurrence))) return;
      await this.#run(timer, { isPastDue, last: row?.last });
    } catch (error) {
      this.#log.warn({ function: timer.called.name, error: messageOf(error) }, 'A timer could not be fired');
    } finally {
      timer.running = false;
    }
  }

  async #run(
    timer: Timer,
    { isPastDue, last }: { isPastDue: boolean; last: Date | undefined },
  ): Promise<void> {
    const next = timer.schedule.nextRun();
    const time = (date: Date | null | undefined): string =>
      (date ? new Date(date) : new Date(0)).toISOString();
    const info = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: { Last: time(last), Next: time(next), LastUpdated: time(last) },
      IsPastDue: isPastDue,
    };
    try {
      await this.#invoke(timer.called, { input: { json: JSON.stringify(info) } });
    } catch (error) {
      this.#log.error({ function: timer.called.name, error: messageOf(error) }, 'A timer function failed');
    }
  }

  async #row({ called }: Timer): Promise<(TimerRow & { etag: string }) | undefined> {
    try {
      return await this.#table.getEntity<TimerRow>(partitionKey, called.name.toLowerCase());
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /** Writes an occurrence into the timer's row; false: another host was first. */
  async #take(
    { called, schedule }: Timer,
    row: (TimerRow & { etag: string }) | undefined,
    last: Date,
  ): Promise<boolean> {
    const next = schedule.nextRun(last);
    const changed = {
      partitionKey,
      rowKey: called.name.toLowerCase(),
      last,
      ...(next === null ? {} : { next }),
    };
    try {
      if (row === undefined) await this.#table.createEntity(changed);
      else await this.#table.updateEntity(changed, 'Replace', { etag: row.etag });
      return true;
    } catch (error) {
      if (hasStatus(error, 404, 409, 412)) return false;
      throw error;
    }
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}

/** An NCRONTAB expression: six fields, seconds first; day of month and day of week must both hold. In UTC. */
function scheduleOf(
  { name, trigger }: AppFunction<'timertrigger'>,
  settings: Readonly<Record<string, string | undefined>>,
): Cron {
  const written = typeof trigger['schedule'] === 'string' ? trigger['schedule'] : '';
  const expression = written.replace(/^%([^%]+)%$/, (whole, setting: string) => settings[setting] ?? whole);
  try {
    return new Cron(expression, { timezone: 'UTC', domAndDow: true, paused: true });
  } catch (error) {
    throw new FunctionAppError(
      `The timer ${name} has no usable schedule: ${expression} (${messageOf(error)})`,
    );
  }
}
