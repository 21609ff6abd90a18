import { setTimeout as sleep } from 'node:timers/promises';
import { StorageUnavailableError } from './errors.ts';
import type { Log } from './log.ts';

/** Milliseconds. */
const firstPause = 250;
const longestPause = 5000;
const patience = 5000;

/**
 * Prepares the storage in the background until it has worked once: a service may start before its storage does.
 * Requests wait for it a little, then hear that the server is busy.
 */
export class Preparation {
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(prepare: () => Promise<void>, log: Log) {
    this.#done = this.#run(prepare, log);
  }

  /** @throws StorageUnavailableError when the storage is not prepared within some seconds */
  async ready(): Promise<void> {
    const timeOut = new AbortController();
    const late = sleep(patience, undefined, { signal: timeOut.signal }).then(
      () => {
        throw new StorageUnavailableError('The storage account is not prepared yet.');
      },
      () => undefined,
    );
    try {
      await Promise.race([this.#done, late]);
    } finally {
      timeOut.abort();
    }
  }

  /** Resolves when the storage is prepared, or the preparing was stopped. */
  whenDone(): Promise<void> {
    return this.#done;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(prepare: () => Promise<void>, log: Log): Promise<void> {
    const { signal } = this.#stop;
    let pause = firstPause;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await prepare();
        log.info({ attempt }, 'The storage is prepared');
        return;
      } catch (error) {
        log.warn({ attempt, err: error, againInMilliseconds: pause }, 'The storage cannot be prepared yet');
      }
      await sleep(pause, undefined, { signal }).catch(() => undefined);
      pause = Math.min(pause * 2, longestPause);
    }
  }
}
