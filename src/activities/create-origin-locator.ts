import { createHash } from 'node:crypto';
import { idOf, LocatorType, type AssetId, type Locator, type LocatorId } from '../media-service/model.ts';
import { MediaServicesError } from '../media-services-client/errors.ts';
import type { MediaServices, NewLocator } from '../media-services-client/media-services.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { RetriableError } from '../streams/errors.ts';
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
    const locator = await made(media, {
      id: originLocatorId(assetId),
      name: run.streamId,
      type: LocatorType.OnDemandOrigin,
      accessPolicyId: policy.Id,
      assetId,
      startTime: startNow(),
    });
    telemetry.event('OriginLocatorCreated', { ...run, side, assetId, locatorId: locator.Id });
    return { locatorId: locator.Id, urls: streamingUrls(locator.Path, manifest.Name) };
  };
}

/**
 * An asset's own: whoever makes it at the same moment makes the same one, and one that was deleted comes back under the
 * URL that the target still has. It tells nothing of the asset's id. A version 8 UUID (RFC 9562, 5.8).
 */
function originLocatorId(assetId: AssetId): LocatorId {
  const hash = createHash('sha256').update(`origin locator of ${assetId}`).digest('hex');
  const variant = ((Number.parseInt(hash.slice(15, 16), 16) & 0x3) | 0x8).toString(16);
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(12, 15)}`];
  return idOf('Locator', [...parts, `${variant}${hash.slice(16, 19)}`, hash.slice(19, 31)].join('-'));
}

async function made(media: MediaServices, wanted: NewLocator & { readonly id: LocatorId }): Promise<Locator> {
  try {
    return await media.createLocator(wanted);
  } catch (error) {
    if (!(error instanceof MediaServicesError) || error.code !== 'conflict') throw error;
    const found = await media.locator(wanted.id);
    if (found?.AssetId === wanted.assetId) return found;
    if (found !== undefined) throw error;
    const message = `The origin locator of ${wanted.assetId} is being made by another execution of this step.`;
    throw new RetriableError('media-service-unreachable', message, { cause: error });
  }
}
