import { AssetOptions, AssetState, type Asset, type AssetId } from '../media-service/model.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import { formatPublishedName, inputAlternateId, type PublishedName } from '../streams/published-name.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { DataCenter, Dependencies } from './dependencies.ts';
import { replicaAt } from './published-asset.ts';

export interface CreateAssetInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  /** The asset that a URL is taken into (the hash says which request's), or the one that gets the replica. */
  readonly purpose:
    | { readonly kind: 'input'; readonly requestHash: string }
    | { readonly kind: 'replica'; readonly name: PublishedName };
}

export interface CreatedAsset {
  readonly assetId: AssetId;
}

/**
 * Steps 1 and 7: finds the asset by its AlternateId and Name or makes it. v2 does not keep AlternateIds unique, so it looks
 * again after making one: the oldest stays, its own is deleted.
 */
export function createAsset({ dataCenters }: Dependencies) {
  return async ({ run, side, purpose }: CreateAssetInput): Promise<CreatedAsset> => {
    if (purpose.kind === 'replica') return replica(dataCenters[side], purpose.name);
    const { media } = dataCenters[side];
    const alternateId = inputAlternateId(run.streamId);
    const name = `${run.streamId} input ${purpose.requestHash.slice(0, 16)}`;
    for (const stale of await media.assetsByAlternateId(alternateId)) {
      // Taken in by a run that failed, from another request: nothing refers to it any more. An upload is its owner's.
      if (stale.Name !== name && isTakenIn(stale, run.streamId)) await media.deleteAsset(stale.Id);
    }
    const found = await oldestNamed(media, alternateId, name);
    return { assetId: (found ?? (await create(media, alternateId, name))).Id };
  };
}

function isTakenIn({ Name, State }: Asset, streamId: StreamId): boolean {
  const prefix = `${streamId} input `;
  const isNamedSo = Name?.startsWith(prefix) === true && /^[0-9a-f]{16}$/.test(Name.slice(prefix.length));
  return isNamedSo && State !== AssetState.Deleted;
}

async function replica(target: DataCenter, name: PublishedName): Promise<CreatedAsset> {
  const { media } = target;
  const found = await replicaAt(target, name.streamId);
  if (found !== undefined && found.name.revision > name.revision) {
    throw new FinalError(
      'sides-differ',
      `The target holds revision ${found.name.revision} of ${name.streamId}, the source only ${name.revision}: the target is the newer one.`,
    );
  }
  const text = formatPublishedName(name);
  const asset = found?.asset ?? (await create(media, name.streamId, text));
  if (asset.Options !== AssetOptions.None) {
    throw new FinalError(
      'input-encrypted',
      `The target's asset ${asset.Id} is encrypted: delete it, then replicate again.`,
    );
  }
  if (asset.Name !== text) await media.updateAsset(asset.Id, { name: text });
  return { assetId: asset.Id };
}

async function create(media: MediaServices, alternateId: string, name: string): Promise<Asset> {
  const created = await media.createAsset({ name, alternateId, options: AssetOptions.None });
  const oldest = (await oldestNamed(media, alternateId, name)) ?? created;
  if (oldest.Id !== created.Id) await media.deleteAsset(created.Id);
  return oldest;
}

/** Both: an upload has the AlternateId of the stream that it is the input of, too, and is never another's. */
async function oldestNamed(
  media: MediaServices,
  alternateId: string,
  name: string,
): Promise<Asset | undefined> {
  const assets = await media.assetsByAlternateId(alternateId);
  return assets.find(({ Name, State }) => Name === name && State !== AssetState.Deleted);
}
