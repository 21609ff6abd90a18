import {
  AssetState,
  LocatorType,
  type Asset,
  type AssetFile,
  type AssetId,
  type Locator,
} from '../media-service/model.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import { FinalError } from '../streams/errors.ts';
import { parsePublishedName, type PublishedName } from '../streams/published-name.ts';
import type { StreamId } from '../streams/stream-id.ts';

/** A stream's published asset in one data center: the oldest one of its AlternateId, when there are several. */
export async function publishedAsset(
  media: MediaServices,
  streamId: StreamId,
): Promise<{ readonly asset: Asset; readonly name: PublishedName } | undefined> {
  for (const asset of await media.assetsByAlternateId(streamId)) {
    const name = parsePublishedName(asset.Name);
    if (asset.State !== AssetState.Deleted && name?.streamId === streamId) return { asset, name };
  }
  return undefined;
}

/**
 * The one `.ism` file of a published asset.
 * @throws FinalError when there is none, or more than one
 */
export function manifestOf(files: readonly AssetFile[], assetId: AssetId): AssetFile {
  const manifests = files.filter(({ Name }) => /\.ism$/i.test(Name));
  const [manifest] = manifests;
  if (manifest !== undefined && manifests.length === 1) return manifest;
  throw new FinalError(
    'manifest-count',
    `The asset ${assetId} has ${manifests.length} .ism files where a published one has exactly one: encode it again.`,
  );
}

/** An asset's origin locators, always in the same order. */
export async function originLocators(media: MediaServices, assetId: AssetId): Promise<readonly Locator[]> {
  const started = ({ StartTime }: Locator): number => StartTime?.getTime() ?? 0;
  return (await media.locators(assetId))
    .filter(({ Type }) => Type === LocatorType.OnDemandOrigin)
    .sort((one, other) => started(one) - started(other) || (one.Id < other.Id ? -1 : 1));
}
