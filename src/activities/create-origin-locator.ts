import { LocatorType, type AssetId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { StreamLocator } from '../streams/published-stream.ts';
import { streamingUrls } from '../streams/streaming-urls.ts';
import type { Dependencies } from './dependencies.ts';
import { startNow, streamingPolicy } from './locator-times.ts';
import { manifestOf, originLocators } from './published-asset.ts';

export interface CreateOriginLocatorInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly assetId: AssetId;
}

/** Step 5: the origin locator that gives the stream its URL; an asset that has one keeps it. */
export function createOriginLocator({ dataCenters, settings, telemetry }: Dependencies) {
  return async ({ run, side, assetId }: CreateOriginLocatorInput): Promise<StreamLocator> => {
    const { media } = dataCenters[side];
    const manifest = manifestOf(await media.files(assetId), assetId);
    const [existing] = await originLocators(media, assetId);
    if (existing !== undefined) {
      return { locatorId: existing.Id, urls: streamingUrls(existing.Path, manifest.Name) };
    }
    const policy = await media.accessPolicy(streamingPolicy(settings.originLocatorDays * 24 * 60));
    const created = await media.createLocator({
      name: run.streamId,
      type: LocatorType.OnDemandOrigin,
      accessPolicyId: policy.Id,
      assetId,
      startTime: startNow(),
    });
    const [first = created] = await originLocators(media, assetId);
    if (first.Id !== created.Id) await media.deleteLocator(created.Id);
    telemetry.event('OriginLocatorCreated', { ...run, side, assetId, locatorId: first.Id });
    return { locatorId: first.Id, urls: streamingUrls(first.Path, manifest.Name) };
  };
}
