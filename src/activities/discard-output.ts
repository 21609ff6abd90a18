import { AssetState, type JobId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';

export interface DiscardOutputInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly jobId: JobId;
}

/** Deletes what a job made when nothing of it was published. */
export function discardOutput({ dataCenters }: Dependencies) {
  return async ({ run, side, jobId }: DiscardOutputInput): Promise<{ readonly deleted: number }> => {
    const { media } = dataCenters[side];
    const outputs = (await media.outputAssets(jobId)).filter(
      ({ AlternateId, State }) => AlternateId !== run.streamId && State !== AssetState.Deleted,
    );
    for (const { Id } of outputs) await media.deleteAsset(Id);
    return { deleted: outputs.length };
  };
}
