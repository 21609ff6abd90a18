import { randomUUID } from 'node:crypto';
import { transactionLimit, type RowKey, type Table } from './table.ts';

interface FileIndexProperties {
  readonly AssetGuid: string;
}

const sharedDigits = 8;

/**
 * A new file's guid. It begins as its asset's does: the index rows of an asset's files then share a partition and are
 * written a hundred at a time.
 */
export function newFileGuid(assetGuid: string): string {
  return assetGuid.slice(0, sharedDigits) + randomUUID().slice(sharedDigits);
}

/** Finds a file's asset by the file's guid alone. Written before the file, so it may name files that never came. */
export class AssetFileIndex {
  readonly #table: Table;

  constructor(table: Table) {
    this.#table = table;
  }

  async assetOf(guid: string): Promise<string | undefined> {
    const { partitionKey, rowKey } = keyOf(guid);
    return (await this.#table.get<FileIndexProperties>(partitionKey, rowKey))?.AssetGuid;
  }

  /** @param guids made by `newFileGuid` for this asset */
  async add(assetGuid: string, guids: readonly string[]): Promise<void> {
    for (let start = 0; start < guids.length; start += transactionLimit) {
      await this.#table.transact(
        guids
          .slice(start, start + transactionLimit)
          .map((guid) => ['upsert', { ...keyOf(guid), AssetGuid: assetGuid }, 'Replace']),
      );
    }
  }

  async drop(guid: string): Promise<void> {
    const { partitionKey, rowKey } = keyOf(guid);
    const row = await this.#table.get(partitionKey, rowKey);
    if (row !== undefined) await this.#table.delete(row);
  }
}

function keyOf(guid: string): RowKey {
  return { partitionKey: `file:${guid.slice(0, sharedDigits)}`, rowKey: guid };
}
