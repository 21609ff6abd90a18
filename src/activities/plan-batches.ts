import type { BlobSummary } from '../blob-copy/container-sas.ts';
import { planCopy, type PlannedCopy } from '../blob-copy/plan.ts';
import type { RunReference } from '../streams/operation.ts';
import { allBlobs, type Place } from './containers.ts';
import type { Dependencies } from './dependencies.ts';
import { hearCancel } from './heard-cancel.ts';

export interface PlanBatchesInput {
  readonly run: RunReference;
  readonly source: Place;
  readonly target: Place;
}

/** Consecutive blobs in the order of their names, from the first to the last one's name. */
export interface Batch {
  readonly first: string;
  readonly last: string;
  readonly blobs: number;
  readonly bytes: number;
}

export interface BatchPlan {
  readonly batches: readonly Batch[];
  readonly blobs: number;
  readonly bytes: number;
  /** Whether there is more to copy behind the last batch: plan again once these are done. */
  readonly more: boolean;
}

/** Replaying a history costs the square of its completions: so many activities a sub-orchestration at most. */
export const blobsInBatch = 64;
/** What is copied is told batch by batch: a stream has a few large files. */
const bytesInBatch = 2 ** 30;
/** Keeps a plan below what one history event should hold. */
const batchesInPlan = 128;

/** Step 9, first half: what differs between the containers, as ranges of names and not as a list. */
export function planBatches(dependencies: Dependencies) {
  return async ({ run, source, target }: PlanBatchesInput): Promise<BatchPlan> => {
    const copies = await copiesBetween(dependencies, run, source, target);
    const parts = partsOf(copies).slice(0, batchesInPlan);
    const planned = parts.reduce((sum, { length }) => sum + length, 0);
    return {
      batches: parts.map((part) => ({
        first: part[0].name,
        last: (part.at(-1) ?? part[0]).name,
        blobs: part.length,
        bytes: bytesOf(part),
      })),
      blobs: copies.length,
      bytes: bytesOf(copies),
      more: copies.length > planned,
    };
  };
}

/** What is at the source and not, or not equal, at the target; in the order of the names. */
export async function copiesBetween(
  { dataCenters, claims }: Dependencies,
  run: RunReference,
  source: Place,
  target: Place,
): Promise<readonly PlannedCopy[]> {
  await hearCancel(claims, run);
  const blobsAt = async ({ side, sasLocatorId }: Place, as: 'source' | 'target') =>
    allBlobs({ containers: dataCenters[side].containers, locatorId: sasLocatorId, as });
  const [there, here] = await Promise.all([blobsAt(source, 'source'), blobsAt(target, 'target')]);
  return planCopy(there, here).copy;
}

/** Consecutive blobs, up to so many and so many bytes; one that is larger stands alone. */
function partsOf(copies: readonly PlannedCopy[]): readonly (readonly [PlannedCopy, ...PlannedCopy[]])[] {
  const parts: [PlannedCopy, ...PlannedCopy[]][] = [];
  for (const copy of copies) {
    const part = parts.at(-1);
    const fits =
      part !== undefined && part.length < blobsInBatch && bytesOf(part) + copy.size <= bytesInBatch;
    if (fits) part.push(copy);
    else parts.push([copy]);
  }
  return parts;
}

function bytesOf(blobs: readonly BlobSummary[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
