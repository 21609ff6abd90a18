import type { RowRange, Stored, Table } from './table.ts';

/** An entity that a scan came by; `value` is undefined where the scan found nothing to answer. */
export interface Found<T> {
  /** Where a later scan goes on: after this. */
  readonly key: string;
  readonly value: T | undefined;
}

/** Entities in their natural order, in batches of about `size`, from after a key on: every page costs the same. */
export type Scan<T> = (after: string | undefined, size: number) => AsyncIterable<readonly Found<T>[]>;

/**
 * Scans the rows of every partition whose keys are in a range, in the order of the partitions: for rows named by
 * time-ordered guids, that of their creation.
 */
export function scanRows<Row extends object, T>(
  table: Table,
  rows: RowRange,
  read: (row: Stored<Row>) => Promise<T | undefined> | T | undefined,
): Scan<T> {
  return async function* (after, size) {
    const [fromPartition = '', fromRow = ''] = after?.split('|') ?? [];
    for await (const page of table.across<Row>(fromPartition, rows, Math.min(size + 1, 1000))) {
      const fresh = page.filter((row) => row.partitionKey !== fromPartition || row.rowKey > fromRow);
      yield await Promise.all(
        fresh.map(async (row) => ({
          key: `${row.partitionKey}|${row.rowKey}`,
          value: await read(row),
        })),
      );
    }
  };
}
