import type { AssetId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { PublishedName } from '../streams/published-name.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { Dependencies } from './dependencies.ts';
import { publishedAsset } from './published-asset.ts';

export interface FindStreamInput {
  readonly side: DataCenterKey;
  readonly streamId: StreamId;
}

/** A stream's published asset as one side has it. */
export interface FoundStream {
  readonly assetId: AssetId;
  readonly name: PublishedName;
}

/** Whether a side has the stream's published asset. */
export function findStream({ dataCenters }: Dependencies) {
  return async ({ side, streamId }: FindStreamInput): Promise<{ readonly stream: FoundStream | null }> => {
    const found = await publishedAsset(dataCenters[side].media, streamId);
    return { stream: found === undefined ? null : { assetId: found.asset.Id, name: found.name } };
  };
}
