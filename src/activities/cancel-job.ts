import type { JobId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';

export interface CancelJobInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly jobId: JobId;
}

/** Asks the media service to cancel the job; one that has ended is left as it is. */
export function cancelJob({ dataCenters, telemetry }: Dependencies) {
  return async ({ run, side, jobId }: CancelJobInput): Promise<Record<string, never>> => {
    await dataCenters[side].media.cancelJob(jobId);
    telemetry.event('EncodingCancelRequested', { ...run, jobId });
    return {};
  };
}
