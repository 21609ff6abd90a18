import { AssetOptions, type AssetId, type JobId } from '../media-service/model.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import { formatPublishedName } from '../streams/published-name.ts';
import type { PublishedStream } from '../streams/published-stream.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { DataCenter, Dependencies } from './dependencies.ts';
import { manifestOf, publishedAsset, replicaKnownAt } from './published-asset.ts';

export interface PublishAssetInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly jobId: JobId;
}

/** Step 4: makes the `.ism` of the job's output primary, then names the output as the stream's published asset. */
export function publishAsset({ dataCenters, telemetry }: Dependencies) {
  return async ({ run, side, jobId }: PublishAssetInput): Promise<PublishedStream> => {
    const { media } = dataCenters[side];
    const [output] = await media.outputAssets(jobId);
    if (output === undefined) {
      throw new FinalError('encoding-failed', `The job ${jobId} has no output: submit the stream again.`);
    }
    if (output.Options !== AssetOptions.None) {
      throw new FinalError(
        'input-encrypted',
        `The job's output ${output.Id} is encrypted: it cannot be replicated.`,
      );
    }
    const target = dataCenters[otherDataCenter(side)];
    await refuseTaken(media, target, run.streamId, output.Id);
    const manifest = manifestOf(await media.files(output.Id), output.Id);
    if (!manifest.IsPrimary) await media.updateFile(manifest.Id, { isPrimary: true });
    const name = { streamId: run.streamId, source: side, revision: 1, mark: undefined };
    await media.updateAsset(output.Id, { name: formatPublishedName(name), alternateId: run.streamId });
    try {
      await refuseTaken(media, target, run.streamId, output.Id);
    } catch (error) {
      // Nobody has its URL yet. The other one sees this name, or that it is gone: two are never left.
      if (error instanceof FinalError) await media.deleteAsset(output.Id);
      throw error;
    }
    telemetry.event('AssetPublished', { ...run, side, assetId: output.Id, manifest: manifest.Name });
    return { assetId: output.Id, name };
  };
}

/** An id is one stream's: neither another run nor the other data center may have published under it. */
async function refuseTaken(
  media: MediaServices,
  target: DataCenter,
  streamId: StreamId,
  outputId: AssetId,
): Promise<void> {
  const [published] = await Promise.all([publishedAsset(media, streamId), replicaKnownAt(target, streamId)]);
  if (published !== undefined && published.asset.Id !== outputId) {
    throw new FinalError(
      'stream-exists',
      `Another run published ${streamId} first, as ${published.asset.Id}.`,
    );
  }
}
