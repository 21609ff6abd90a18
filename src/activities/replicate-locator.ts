import { LocatorType, type AssetId, type Locator, type LocatorId } from '../media-service/model.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import { operationIdOf } from '../streams/stream-id.ts';
import { streamingUrls, type StreamingUrls } from '../streams/streaming-urls.ts';
import type { Dependencies } from './dependencies.ts';
import { streamingPolicy } from './locator-times.ts';
import { manifestOf } from './published-asset.ts';

export interface ReplicateLocatorInput {
  readonly run: RunReference;
  readonly source: DataCenterKey;
  readonly locatorId: LocatorId;
  readonly targetAssetId: AssetId;
}

export interface ReplicatedLocator {
  readonly created: boolean;
  readonly urls: StreamingUrls;
}

/** Step 12: the target's origin locator with the source's id, start and expiry. */
export function replicateLocator({ dataCenters, telemetry }: Dependencies) {
  return async ({
    run,
    source,
    locatorId,
    targetAssetId,
  }: ReplicateLocatorInput): Promise<ReplicatedLocator> => {
    const target = otherDataCenter(source);
    const { media } = dataCenters[target];
    const original = await dataCenters[source].media.locator(locatorId);
    if (original?.Type !== LocatorType.OnDemandOrigin) {
      throw new FinalError('stream-missing', `The source's origin locator ${locatorId} is gone.`);
    }
    const manifest = manifestOf(await media.files(targetAssetId), targetAssetId);
    const existing = await media.locator(locatorId);
    if (existing !== undefined && existing.AssetId !== targetAssetId) {
      throw new FinalError(
        'locator-conflict',
        `The locator ${locatorId} belongs to the asset ${existing.AssetId} at the target: delete one of them.`,
      );
    }
    // An execution that was cut off has made it for this run, which takes it away again when it serves other bytes.
    const name = operationIdOf(run.streamId, run.runId);
    if (existing !== undefined && sameTimes(original, existing)) {
      return { created: existing.Name === name, urls: streamingUrls(existing.Path, manifest.Name) };
    }
    // Same id, other times: deleting and making it again is how a replica's locator is repaired.
    if (existing !== undefined) await media.deleteLocator(locatorId);
    const startTime = original.StartTime ?? original.ExpirationDateTime;
    const minutes = (original.ExpirationDateTime.getTime() - startTime.getTime()) / 60_000;
    const policy = await media.accessPolicy(streamingPolicy(minutes));
    const created = await media.createLocator({
      id: locatorId,
      name,
      type: LocatorType.OnDemandOrigin,
      accessPolicyId: policy.Id,
      assetId: targetAssetId,
      startTime,
    });
    telemetry.event('LocatorReplicated', { ...run, side: target, assetId: targetAssetId, locatorId });
    return { created: true, urls: streamingUrls(created.Path, manifest.Name) };
  };
}

function sameTimes(one: Locator, other: Locator): boolean {
  return (
    one.StartTime?.getTime() === other.StartTime?.getTime() &&
    one.ExpirationDateTime.getTime() === other.ExpirationDateTime.getTime()
  );
}
