import type { RunReference } from '../streams/operation.ts';
import type { Place } from './containers.ts';
import type { Dependencies } from './dependencies.ts';
import { blobsInBatch, copiesBetween, type Batch } from './plan-batches.ts';

export interface ListBatchInput {
  readonly run: RunReference;
  readonly source: Place;
  readonly target: Place;
  readonly batch: Pick<Batch, 'first' | 'last'>;
}

/** A version of a blob that is to be copied. */
export interface BlobVersion {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
  /** Absent at the target. */
  readonly isNew: boolean;
}

/** Step 9: the blobs of one batch that are still to be copied. */
export function listBatch(dependencies: Dependencies) {
  return async ({
    run,
    source,
    target,
    batch,
  }: ListBatchInput): Promise<{ readonly blobs: readonly BlobVersion[] }> => {
    const copies = await copiesBetween(dependencies, run, source, target);
    const blobs = copies
      .filter(({ name }) => name >= batch.first && name <= batch.last)
      .slice(0, blobsInBatch)
      .map(({ name, size, etag, isNew }) => ({ name, size, etag, isNew }));
    return { blobs };
  };
}
