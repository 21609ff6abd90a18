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
import type { DataCenter } from './dependencies.ts';
import { toFailure } from './failures.ts';

interface FoundAsset {
  readonly asset: Asset;
  readonly name: PublishedName;
}

/** A stream's published asset in one data center: the oldest one of its AlternateId, when there are several. */
export async function publishedAsset(
  media: MediaServices,
  streamId: StreamId,
): Promise<FoundAsset | undefined> {
  return publishedAmong(await media.assetsByAlternateId(streamId), streamId);
}

function publishedAmong(assets: readonly Asset[], streamId: StreamId): FoundAsset | undefined {
  for (const asset of assets) {
    const name = parsePublishedName(asset.Name);
    if (asset.State !== AssetState.Deleted && name?.streamId === streamId) return { asset, name };
  }
  return undefined;
}

/**
 * The replica that a target has of a stream; undefined when the stream's id is free there. The apps of the two data
 * centers do not see each other's claims: only what the media services hold tells whose the id is.
 * @throws FinalError when the target uses the id for something else: a stream of its own, or an asset that is no stream
 */
export async function replicaAt(
  { media, name: dataCenter, side }: Pick<DataCenter, 'media' | 'name' | 'side'>,
  streamId: StreamId,
): Promise<FoundAsset | undefined> {
  const assets = await media.assetsByAlternateId(streamId);
  const found = publishedAmong(assets, streamId);
  if (found?.name.source === side) {
    throw new FinalError(
      'stream-exists',
      `${dataCenter} has published a stream ${streamId} of its own, as ${found.asset.Id}: choose another stream id.`,
    );
  }
  const another = assets.find(({ State }) => State !== AssetState.Deleted);
  if (found === undefined && another !== undefined) {
    throw new FinalError(
      'stream-exists',
      `The asset ${another.Id} in ${dataCenter} has the AlternateId ${streamId}, and is no replica of the stream: choose another stream id, or change its AlternateId.`,
    );
  }
  return found;
}

/** As `replicaAt`, as far as the target can be asked now: otherwise the replication meets what is in its way. */
export async function replicaKnownAt(
  target: DataCenter,
  streamId: StreamId,
): Promise<FoundAsset | undefined> {
  try {
    return await replicaAt({ ...target, media: target.glance }, streamId);
  } catch (error) {
    const { code } = toFailure(error);
    if (code === 'stream-exists' || code === 'internal') throw error;
    return undefined;
  }
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
