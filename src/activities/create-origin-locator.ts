import { LocatorType, Permissions, type AssetId, type LocatorId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import { streamingUrls, type StreamingUrls } from '../streams/streaming-urls.ts';
import type { Dependencies } from './dependencies.ts';
import { manifestOf, originLocators } from './published-asset.ts';

export interface CreateOriginLocatorInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly assetId: AssetId;
}

export interface OriginLocator {
  readonly locatorId: LocatorId;
  readonly urls: StreamingUrls;
}

/** Locators start this long ago, so that clocks that differ do not matter (REST reference, Locator). */
const startsBefore = 5 * 60_000;

/** Step 5: the origin locator that gives the stream its URL; an asset that has one keeps it. */
export function createOriginLocator({ dataCenters, settings, telemetry }: Dependencies) {
  return async ({ run, side, assetId }: CreateOriginLocatorInput): Promise<OriginLocator> => {
    const { media } = dataCenters[side];
    const manifest = manifestOf(await media.files(assetId), assetId);
    const [existing] = await originLocators(media, assetId);
    if (existing !== undefined) {
      return { locatorId: existing.Id, urls: streamingUrls(existing.Path, manifest.Name) };
    }
    const policy = await media.accessPolicy({
      name: 'failover streaming',
      durationInMinutes: settings.originLocatorDays * 24 * 60,
      permissions: Permissions.Read,
    });
    const created = await media.createLocator({
      name: run.streamId,
      type: LocatorType.OnDemandOrigin,
      accessPolicyId: policy.Id,
      assetId,
      startTime: wholeSecond(Date.now() - startsBefore),
    });
    const [first = created] = await originLocators(media, assetId);
    if (first.Id !== created.Id) await media.deleteLocator(created.Id);
    telemetry.event('OriginLocatorCreated', { ...run, side, assetId, locatorId: first.Id });
    return { locatorId: first.Id, urls: streamingUrls(first.Path, manifest.Name) };
  };
}

/** One form of StartTime on the wire has no smaller unit. */
export function wholeSecond(milliseconds: number): Date {
  return new Date(Math.floor(milliseconds / 1000) * 1000);
}
