import { odata, type TableClient, type TransactionAction } from '@azure/data-tables';
import { calling, statusOf } from './errors.ts';

/** Names a row of a table. */
export interface RowKey {
  partitionKey: string;
  rowKey: string;
}

/** The properties a row has by being one. */
export interface StoredRow {
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly etag: string;
  /** When the storage wrote it last. */
  readonly timestamp: string;
}

export type Stored<Properties> = Properties & StoredRow;

/** A row to write: undefined and null properties are left out. */
export type NewRow<Properties extends object> = Properties & Readonly<RowKey>;

/** How another writer was faster: the row exists already, changed meanwhile, or is gone. */
export class RowConflictError extends Error {
  override readonly name = 'RowConflictError';
  readonly code = 'row-conflict';
}

/** At most this many operations fit one entity-group transaction (Table service limit). */
export const transactionLimit = 100;

/** The rows of one partition from one row key (inclusive) to another (exclusive). */
export interface RowRange {
  readonly from: string;
  readonly before: string;
}

/** Every row key that begins with `prefix`. */
export function startingWith(prefix: string): RowRange {
  const last = prefix.charCodeAt(prefix.length - 1);
  return { from: prefix, before: prefix.slice(0, -1) + String.fromCharCode(last + 1) };
}

/** An Azure table, with its errors told apart: conflict (`RowConflictError`), trouble (`StorageUnavailableError`). */
export class Table {
  readonly #client: TableClient;

  constructor(client: TableClient) {
    this.#client = client;
  }

  async createIfAbsent(): Promise<void> {
    await calling(() => this.#client.createTable());
  }

  async get<Properties extends object>(
    partitionKey: string,
    rowKey: string,
  ): Promise<Stored<Properties> | undefined> {
    try {
      return await calling(() => this.#client.getEntity<Stored<Properties>>(partitionKey, rowKey));
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  }

  /** @throws RowConflictError when there is one already */
  async insert<Properties extends object>(row: NewRow<Properties>): Promise<void> {
    await this.#writing(() => this.#client.createEntity(withoutNulls(row)));
  }

  async upsert<Properties extends object>(row: NewRow<Properties>): Promise<void> {
    await this.#writing(() => this.#client.upsertEntity(withoutNulls(row), 'Replace'));
  }

  /** @throws RowConflictError when it has changed since `etag`, or is gone */
  async update<Properties extends object>(row: NewRow<Properties>, etag: string): Promise<void> {
    await this.#writing(() => this.#client.updateEntity(withoutNulls(row), 'Replace', { etag }));
  }

  /** Deletes a row as it was read; false when it has changed since, or is gone. */
  async delete(row: StoredRow): Promise<boolean> {
    try {
      await calling(() => this.#client.deleteEntity(row.partitionKey, row.rowKey, { etag: row.etag }));
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (status === 404 || status === 412) return false;
      throw error;
    }
  }

  /** Everything or nothing, in one partition. @throws RowConflictError */
  async transact(actions: TransactionAction[]): Promise<void> {
    await this.#writing(() => this.#client.submitTransaction(actions));
  }

  /** The rows of one partition in the order of their keys, in pages of at most 1,000. */
  async *partition<Properties extends object>(
    partitionKey: string,
    range?: RowRange,
    pageSize = 1000,
  ): AsyncGenerator<Stored<Properties>[]> {
    const filter =
      range === undefined
        ? odata`PartitionKey eq ${partitionKey}`
        : odata`PartitionKey eq ${partitionKey} and RowKey ge ${range.from} and RowKey lt ${range.before}`;
    yield* this.#pages<Properties>(filter, pageSize);
  }

  /** The rows of every partition from `fromPartition` on whose key is in the range: a scan of the table. */
  async *across<Properties extends object>(
    fromPartition: string,
    range: RowRange,
    pageSize = 1000,
  ): AsyncGenerator<Stored<Properties>[]> {
    yield* this.#pages<Properties>(
      odata`PartitionKey ge ${fromPartition} and RowKey ge ${range.from} and RowKey lt ${range.before}`,
      pageSize,
    );
  }

  async all<Properties extends object>(
    partitionKey: string,
    range?: RowRange,
  ): Promise<Stored<Properties>[]> {
    const rows: Stored<Properties>[] = [];
    for await (const page of this.partition<Properties>(partitionKey, range)) rows.push(...page);
    return rows;
  }

  async *#pages<Properties extends object>(
    filter: string,
    pageSize: number,
  ): AsyncGenerator<Stored<Properties>[]> {
    const pages = this.#client
      .listEntities<Stored<Properties>>({ queryOptions: { filter } })
      .byPage({ maxPageSize: pageSize });
    for (;;) {
      const page = await calling(() => pages.next());
      if (page.done === true) return;
      yield page.value;
    }
  }

  async #writing(write: () => Promise<unknown>): Promise<void> {
    try {
      await calling(write);
    } catch (error) {
      const status = statusOf(error);
      if (status === 404 || status === 409 || status === 412) {
        throw new RowConflictError('Another writer was faster.');
      }
      throw error;
    }
  }
}

/** The Table service has no null: such a property is left out (and with Replace thereby removed). */
export function withoutNulls<Row extends object>(row: Row): Row {
  return only(row, (_name, value) => value !== null && value !== undefined);
}

/** An object without some of its properties. */
export function without<T extends object, Name extends keyof T>(
  value: T,
  ...names: readonly Name[]
): Omit<T, Name> {
  const dropped = new Set<PropertyKey>(names);
  return only<Omit<T, Name>>(value, (name) => !dropped.has(name));
}

const namesOfEveryRow = new Set(['partitionKey', 'rowKey', 'etag', 'timestamp']);

/** A row's own properties, without what every row has: to write them back changed. */
export function ownProperties<Properties extends object>(row: Stored<Properties>): Properties {
  // The library leaves the service's annotations in.
  return only<Properties>(row, (name) => !namesOfEveryRow.has(name) && !name.startsWith('odata.'));
}

/** A copy with those properties only that are to be kept. */
function only<Kept extends object>(value: Kept, keep: (name: string, value: unknown) => boolean): Kept {
  const entries = Object.entries(value).filter(([name, one]: [string, unknown]) => keep(name, one));
  return Object.fromEntries(entries) as Kept;
}

/** Undefined and absent properties of a row read back, as null. */
export function orNull<T>(value: T | undefined): T | null {
  return value ?? null;
}
