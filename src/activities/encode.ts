import { JobState, type AssetId, type JobId } from '../media-service/model.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import { operationIdOf } from '../streams/stream-id.ts';
import type { Dependencies } from './dependencies.ts';

export interface EncodeInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly inputAssetId: AssetId;
  /** A preset's name, or its JSON. */
  readonly preset: string;
}

export interface EncodingJob {
  readonly jobId: JobId;
}

const encoder = 'Media Encoder Standard';

/** Cancels a job that is one too many, and deletes its output unless an encoder is writing into it already. */
async function takeBack(media: MediaServices, jobId: JobId): Promise<void> {
  await media.cancelJob(jobId);
  if ((await media.job(jobId))?.State !== JobState.Canceled) return;
  for (const { Id } of await media.outputAssets(jobId)) await media.deleteAsset(Id);
}

/** Step 2: the run's encoding job, known by its name. Two executions at once: the older job stays. */
export function encode({ dataCenters, telemetry }: Dependencies) {
  return async ({ run, side, inputAssetId, preset }: EncodeInput): Promise<EncodingJob> => {
    const { media } = dataCenters[side];
    const name = operationIdOf(run.streamId, run.runId);
    const [found] = await media.jobsByName(name);
    if (found !== undefined) return { jobId: found.Id };
    const processor = await media.mediaProcessor(encoder);
    const created = await media.createJob({
      name,
      inputAssetId,
      outputAssetName: `${name} output`,
      mediaProcessorId: processor.Id,
      configuration: preset,
    });
    const [oldest = created] = await media.jobsByName(name);
    if (oldest.Id !== created.Id) await takeBack(media, created.Id);
    telemetry.event('EncodingStarted', {
      ...run,
      jobId: oldest.Id,
      jobName: name,
      inputAssetId,
      mediaProcessor: `${processor.Name} ${processor.Version}`,
      preset: preset.slice(0, 200),
      created: oldest.Created.toISOString(),
    });
    return { jobId: oldest.Id };
  };
}
