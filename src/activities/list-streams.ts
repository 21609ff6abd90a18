import { AssetState } from '../media-service/model.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import { parsePublishedName } from '../streams/published-name.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { Dependencies } from './dependencies.ts';
import { toFailure } from './failures.ts';

export interface ListedStream {
  readonly streamId: StreamId;
  readonly source: DataCenterKey;
  readonly revision: number;
  /** ISO 8601. */
  readonly created: string;
}

export interface StreamPage {
  readonly streams: readonly ListedStream[];
  /** The last stream of this page, when there are more. */
  readonly next: StreamId | undefined;
}

/**
 * A page of the streams that have a published asset in a data center, in the order of their ids; when it cannot be
 * reached, of those in the other one. v2 gives assets in an order of its own, so every page looks at all of them.
 */
export async function listStreams(
  dependencies: Dependencies,
  side: DataCenterKey,
  { after, limit }: { readonly after: StreamId | undefined; readonly limit: number },
): Promise<StreamPage> {
  try {
    return await page(dependencies, side, after, limit);
  } catch (error) {
    if (!toFailure(error).retriable) throw error;
    return page(dependencies, otherDataCenter(side), after, limit);
  }
}

async function page(
  { dataCenters }: Dependencies,
  side: DataCenterKey,
  after: StreamId | undefined,
  limit: number,
): Promise<StreamPage> {
  let found = new Map<StreamId, ListedStream>();
  for await (const { Name, AlternateId, State, Created } of dataCenters[side].media.assets()) {
    const name = parsePublishedName(Name);
    if (name?.streamId !== AlternateId || State === AssetState.Deleted) continue;
    if (name.mark === 'deleted' || (after !== undefined && name.streamId <= after)) continue;
    const { streamId, source, revision } = name;
    found.set(streamId, { streamId, source, revision, created: Created.toISOString() });
    // Only the first ones are wanted, so that no more than some are held.
    if (found.size > 4 * limit) found = new Map(firstOf(found, limit + 1));
  }
  const streams = firstOf(found, limit).map(([, stream]) => stream);
  return { streams, next: found.size > limit ? streams.at(-1)?.streamId : undefined };
}

function firstOf(found: ReadonlyMap<StreamId, ListedStream>, count: number): [StreamId, ListedStream][] {
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1)).slice(0, count);
}
