import { createHash } from 'node:crypto';
import { mapConcurrently } from './concurrency.ts';
import type { Stored, Table } from './table.ts';

/** An entity that a scan came by; `value` is undefined where the scan found nothing to answer. */
export interface Found<T> {
  /** Where a later scan goes on: after this. */
  readonly key: string;
  readonly value: T | undefined;
}

/** Entities in their natural order, in batches of about `size`, from after a key on: every page costs the same. */
export type Scan<T> = (after: string | undefined, size: number) => AsyncIterable<readonly Found<T>[]>;

export type IndexedEntity = 'asset' | 'policy' | 'locator' | 'job';

interface IndexProperties {
  readonly Guid: string;
}

/** The partition with every entity of a kind, in the order of their creation. */
export function createdPartition(entity: IndexedEntity): string {
  return `${entity}:created`;
}

/** The partition with the entities that have this value; hashed, since keys are short and forbid some characters. */
export function valuePartition(entity: IndexedEntity, property: string, value: string | number): string {
  return `${entity}:${property}:${createHash('sha256').update(String(value)).digest('hex')}`;
}

/** After this long an index row that fits no entity belongs to no write under way any more. */
const staleAfterMilliseconds = 600_000;
const readsAtOnce = 32;

/**
 * Index rows: written before the entity they find, and checked against it when read, so that a crash in between
 * leaves a row too many (dropped when somebody comes by) and never an entity that cannot be found.
 */
export class Index {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  async write(partitions: readonly string[], created: Date, guid: string): Promise<void> {
    await Promise.all(
      partitions.map((partitionKey) =>
        this.#table.upsert<IndexProperties>({ partitionKey, rowKey: rowKeyOf(created, guid), Guid: guid }),
      ),
    );
  }

  /** A key to scan from, at random between the oldest entity and now: where a sample begins. */
  async somewhere(partition: string): Promise<string | undefined> {
    const oldest = (await this.#table.first<IndexProperties>(partition))?.rowKey;
    if (oldest === undefined) return undefined;
    const since = Number.parseInt(oldest, 10);
    return rowKeyOf(new Date(since + Math.random() * (Date.now() - since)), '');
  }

  /** Drops the rows of a deleted entity; what a crash leaves is dropped by a later scan. */
  async drop(partitions: readonly string[], created: Date, guid: string): Promise<void> {
    await Promise.all(
      partitions.map(async (partitionKey) => {
        const row = await this.#table.get<IndexProperties>(partitionKey, rowKeyOf(created, guid));
        if (row !== undefined) await this.#table.delete(row);
      }),
    );
  }

  /** Scans the entities of an index partition by their creation; `read` answers undefined for what does not fit. */
  scan<T>(partition: string, read: (guid: string) => Promise<T | undefined>): Scan<T> {
    const table = this.#table;
    const resolve = async (row: Stored<IndexProperties>): Promise<Found<T>> => {
      const value = await read(row.Guid);
      if (value === undefined && Date.now() - Date.parse(row.timestamp) > staleAfterMilliseconds) {
        await table.delete(row);
      }
      return { key: row.rowKey, value };
    };
    return async function* (after, size) {
      const range = { from: after === undefined ? '0' : `${after} `, before: ':' };
      for await (const page of table.partition<IndexProperties>(partition, range, Math.min(size, 1000))) {
        yield await mapConcurrently(page, readsAtOnce, resolve);
      }
    };
  }
}

/** Orders by creation, ties by guid. */
function rowKeyOf(created: Date, guid: string): string {
  return `${String(created.getTime()).padStart(15, '0')}-${guid}`;
}
