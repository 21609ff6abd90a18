import { setTimeout as sleep } from 'node:timers/promises';
import type { WaitingJobs } from './store/encoding-jobs.ts';
import { StorageUnavailableError } from './errors.ts';

export interface WatchedQueue {
  waiting(): Promise<WaitingJobs>;
}

export interface QueueWatchLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Milliseconds. */
const pause = 60_000;

/** Looks at the encoding queue once a minute until the signal aborts, and logs when jobs wait: alerts go by that line. */
export async function watchQueue(
  queue: WatchedQueue,
  log: QueueWatchLog,
  signal: AbortSignal,
  every = pause,
): Promise<void> {
  const aborted = new Promise<undefined>((resolve) =>
    signal.addEventListener('abort', () => resolve(undefined), { once: true }),
  );
  while (!signal.aborted) {
    try {
      // A storage that does not answer must not keep a service from ending.
      const waiting = await Promise.race([queue.waiting(), aborted]);
      if (waiting?.oldestSeconds !== undefined) {
        log.info({ event: 'EncodingQueueWaiting', ...waiting }, 'Jobs wait for an encoder');
      }
    } catch (error) {
      // It is said by every request, too, when the storage is not there.
      if (!(error instanceof StorageUnavailableError))
        log.warn({ err: error }, 'The queue cannot be looked at');
    }
    await sleep(every, undefined, { signal }).catch(() => undefined);
  }
}
