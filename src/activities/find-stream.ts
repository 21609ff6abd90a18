import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';
import type { PublishedStream } from '../streams/published-stream.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { Dependencies } from './dependencies.ts';
import { publishedAsset, replicaKnownAt } from './published-asset.ts';

export interface FindStreamInput {
  readonly side: DataCenterKey;
  readonly streamId: StreamId;
  /** The run is going to change the stream, with this side as its source: what is not this side's is refused. */
  readonly toChange?: boolean;
}

/** Whether a side has the stream's published asset. */
export function findStream({ dataCenters }: Dependencies) {
  return async ({
    side,
    streamId,
    toChange = false,
  }: FindStreamInput): Promise<{ readonly stream: PublishedStream | null }> => {
    const found = await publishedAsset(dataCenters[side].media, streamId);
    if (toChange) {
      if (found !== undefined && found.name.source !== side) {
        throw new FinalError(
          'not-home',
          `The source of ${streamId} is data center ${found.name.source} by now: its app changes the stream.`,
        );
      }
      await replicaKnownAt(dataCenters[otherDataCenter(side)], streamId);
    }
    return { stream: found === undefined ? null : { assetId: found.asset.Id, name: found.name } };
  };
}
