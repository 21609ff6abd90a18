import { setTimeout as sleep } from 'node:timers/promises';
import { contention } from './errors.ts';
import { RowConflictError } from './table.ts';

/** Maps `items` with at most `limit` calls at a time, keeping their order; the first error ends it. */
export async function mapConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  const remaining = items.entries();
  const worker = async (): Promise<void> => {
    for (const [position, item] of remaining) results[position] = await map(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/**
 * One holder a key at a time, within this process. Other processes are kept out by ETags; this only spares writers of
 * one process from losing against each other.
 */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  async hold<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    let release: () => void = () => undefined;
    const tail = new Promise<void>((resolve) => (release = resolve));
    this.#tails.set(key, tail);
    try {
      await before;
      return await work();
    } finally {
      release();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}

/**
 * Reads, decides and writes (`attempt`, told its number: 0, 1, 2, …) again from the start as long as another writer is
 * faster.
 * @throws StorageUnavailableError after `attempts`; `what` names to the client what could not be changed
 */
export async function untilWritten<Result>(
  attempts: number,
  what: string,
  attempt: (count: number) => Promise<Result>,
): Promise<Result> {
  for (let count = 0; count < attempts; count++) {
    try {
      return await attempt(count);
    } catch (error) {
      if (!(error instanceof RowConflictError)) throw error;
      await backOff(count);
    }
  }
  throw contention(what);
}

/** Waits a random while that grows with the attempt (0, 1, 2, …), so that competing writers part. */
async function backOff(attempt: number): Promise<void> {
  await sleep(Math.random() * Math.min(500, 20 * 2 ** attempt));
}
