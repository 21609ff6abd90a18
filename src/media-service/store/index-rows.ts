import { createHash } from 'node:crypto';
import { mapConcurrently } from './concurrency.ts';
import type { Found, Scan } from './scan.ts';
import type { Stored, Table } from './table.ts';

/** The partition with the entities that have this value; hashed, since keys are short and forbid some characters. */
export function valuePartition(
  entity: 'asset' | 'policy' | 'job',
  property: string,
  value: string | number,
): string {
  return `${entity}:${property}:${createHash('sha256').update(String(value)).digest('hex')}`;
}

/** After this long an index row that fits no entity belongs to no write under way any more. */
const staleAfterMilliseconds = 600_000;
const readsAtOnce = 32;

/**
 * Index rows, one for each entity that has (or had) a value: written before the entity they find, and checked against
 * it when read, so that a crash in between leaves a row too many (dropped when somebody comes by) and never an entity
 * that cannot be found. The entities' guids are time-ordered, so a value's entities come in the order of creation.
 */
export class Index {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  async write(partitions: readonly string[], guid: string): Promise<void> {
    await Promise.all(partitions.map((partitionKey) => this.#table.upsert({ partitionKey, rowKey: guid })));
  }

  /** Drops the rows of a deleted entity; what a crash leaves is dropped by a later scan. */
  async drop(partitions: readonly string[], guid: string): Promise<void> {
    await Promise.all(
      partitions.map(async (partitionKey) => {
        const row = await this.#table.get(partitionKey, guid);
        if (row !== undefined) await this.#table.delete(row);
      }),
    );
  }

  /** Scans the entities of an index partition; `read` answers undefined for what does not fit. */
  scan<T>(partition: string, read: (guid: string) => Promise<T | undefined>): Scan<T> {
    const table = this.#table;
    const resolve = async (row: Stored<object>): Promise<Found<T>> => {
      const value = await read(row.rowKey);
      if (value === undefined && Date.now() - Date.parse(row.timestamp) > staleAfterMilliseconds) {
        await table.delete(row);
      }
      return { key: row.rowKey, value };
    };
    return async function* (after, size) {
      const range = { from: after === undefined ? '0' : `${after} `, before: 'g' };
      for await (const page of table.partition(partition, range, Math.min(size, 1000))) {
        yield await mapConcurrently(page, readsAtOnce, resolve);
      }
    };
  }
}
