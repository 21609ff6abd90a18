import type { TableClient, TableEntity, UpdateMode } from '@azure/data-tables';
import { hasStatus } from './hub-storage.ts';

/** One transaction of the Table service: 100 rows and 4 MiB at most. */
const mostRows = 100;
const mostBytes = 3 * 2 ** 20;

interface Update {
  readonly row: TableEntity;
  readonly mode: UpdateMode;
  readonly etag: string;
  readonly bytes: number;
  readonly done: (etag: string | undefined) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Updates rows under their ETags, many in one transaction: what comes for a partition while a transaction runs goes
 * into the next one. A fan-out of hundreds of activities costs tens of requests so.
 */
export class BatchedUpdates {
  readonly #table: TableClient;
  readonly #waiting = new Map<string, Update[]>();

  constructor(table: TableClient) {
    this.#table = table;
  }

  /** The row's new ETag, or undefined when it is not as expected any more. */
  async update(row: TableEntity, mode: UpdateMode, etag: string): Promise<string | undefined> {
    const bytes = 2 * JSON.stringify(row).length;
    return new Promise((done, failed) => {
      const update = { row, mode, etag, bytes, done, failed };
      const queue = this.#waiting.get(row.partitionKey);
      if (queue !== undefined) queue.push(update);
      else {
        this.#waiting.set(row.partitionKey, [update]);
        // What is asked for in the same turn of the event loop goes along.
        setImmediate(() => void this.#drain(row.partitionKey));
      }
    });
  }

  async #drain(partition: string): Promise<void> {
    const queue = this.#waiting.get(partition) ?? [];
    while (queue.length > 0) {
      let bytes = 0;
      let count = 0;
      for (const update of queue.slice(0, mostRows)) {
        bytes += update.bytes;
        if (bytes > mostBytes && count > 0) break;
        count++;
      }
      await this.#submit(queue.splice(0, count));
    }
    this.#waiting.delete(partition);
  }

  async #submit(batch: readonly Update[]): Promise<void> {
    try {
      const { subResponses } = await this.#table.submitTransaction(
        batch.map(({ row, mode, etag }) => ['update', row, mode, { etag }]),
      );
      for (const [index, { done }] of batch.entries()) done(subResponses[index]?.etag);
    } catch (error) {
      const [only, another] = batch;
      if (!hasStatus(error, 404, 412)) batch.forEach(({ failed }) => failed(error));
      else if (another === undefined) only?.done(undefined);
      // One row was not as expected, and no other was written either.
      else await Promise.all(batch.map((update) => this.#submit([update])));
    }
  }
}
