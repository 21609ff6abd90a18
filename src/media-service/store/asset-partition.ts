import type { TransactionAction } from '@azure/data-tables';
import { guidOf, type AssetId, type AssetOptions } from '../model.ts';
import { KeyedLock, untilWritten } from './concurrency.ts';
import { notFound } from './errors.ts';
import {
  RowConflictError,
  startingWith,
  transactionLimit,
  withoutNulls,
  type Stored,
  type Table,
} from './table.ts';

/** The row `asset` of an asset's partition; its ETag decides every change of the asset, its files and its locators. */
export interface AssetProperties {
  readonly Name?: string;
  readonly AlternateId?: string;
  readonly Options: AssetOptions;
  readonly Created: Date;
  readonly LastModified: Date;
  /** Ids of the assets it was encoded from, as a JSON array. */
  readonly ParentAssets?: string;
  /** The guid of the primary file: one property, so there can be only one. */
  readonly PrimaryFile?: string;
  /** Its deletion has begun: for readers it is gone. */
  readonly Deleted?: boolean;
}

export type AssetRow = Stored<AssetProperties>;

/** What a change writes: the asset's new properties (absent ones are removed) and other rows of its partition. */
export interface AssetChange<Result> {
  /** Absent: leave the asset's row as it is, except for its ETag. */
  readonly asset?: Omit<AssetProperties, 'LastModified'>;
  readonly actions?: readonly TransactionAction[];
  /** Nothing to write: only answer. */
  readonly unchanged?: boolean;
  readonly result: Result;
}

export const assetRowKey = 'asset';
const attempts = 12;

/** The rows a change may write beside the asset's own. */
export const actionsPerChange = transactionLimit - 1;

/** The partition of an asset: the asset, its files and its locators, changed together or not at all. */
export class AssetPartitions {
  readonly table: Table;
  readonly #writers = new KeyedLock();

  constructor(table: Table) {
    this.table = table;
  }

  /** The asset's row, also of one whose deletion has begun. */
  async rowOf(guid: string): Promise<AssetRow | undefined> {
    return this.table.get<AssetProperties>(guid, assetRowKey);
  }

  /** The asset's row, unless its deletion has begun. */
  async read(guid: string): Promise<AssetRow | undefined> {
    const row = await this.rowOf(guid);
    return row?.Deleted === true ? undefined : row;
  }

  /** The guid of the asset that was created first, if there is any. */
  async oldest(): Promise<string | undefined> {
    for await (const [row] of this.table.across('', startingWith(assetRowKey), 1)) {
      if (row !== undefined) return row.partitionKey;
    }
    return undefined;
  }

  async insert(guid: string, asset: AssetProperties): Promise<void> {
    try {
      await this.table.insert({ partitionKey: guid, rowKey: assetRowKey, ...asset });
    } catch (error) {
      // The guid is ours alone: this is the same insert, whose answer was lost and which was sent again.
      if (!(error instanceof RowConflictError)) throw error;
    }
  }

  /**
   * Reads the asset, lets `decide` say what to write, and writes it only if the asset is still as it was read; else
   * again from the start. `decide` must also recognise its own earlier write (its answer may have been lost).
   * @throws StoreRefusal when there is no such asset, StorageUnavailableError when others were faster too often
   */
  async change<Result>(
    id: AssetId,
    decide: (asset: AssetRow, attempt: number) => Promise<AssetChange<Result>> | AssetChange<Result>,
  ): Promise<Result> {
    const guid = guidOf(id);
    return this.#writers.hold(guid, () =>
      untilWritten(attempts, `asset ${id}`, async (attempt) => {
        const row = await this.read(guid);
        if (row === undefined) throw notFound(`Assets('${id}')`);
        const change = await decide(row, attempt);
        if (change.unchanged !== true) await this.#write(row, change);
        return change.result;
      }),
    );
  }

  /** Deletes the asset's own row, the last of its deletion. */
  async remove(row: AssetRow): Promise<void> {
    await this.table.delete(row);
  }

  async #write(row: AssetRow, change: AssetChange<unknown>): Promise<void> {
    const key = { partitionKey: row.partitionKey, rowKey: row.rowKey };
    const LastModified = new Date();
    const own: TransactionAction =
      change.asset === undefined
        ? ['update', { ...key, LastModified }, 'Merge', { etag: row.etag }]
        : ['update', withoutNulls({ ...key, ...change.asset, LastModified }), 'Replace', { etag: row.etag }];
    await this.table.transact([own, ...(change.actions ?? [])]);
  }
}
