import { AssetState } from '../media-service/model.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import { dataCenterKeys, type DataCenterKey } from '../streams/data-center.ts';
import { parsePublishedName } from '../streams/published-name.ts';
import type { StreamId } from '../streams/stream-id.ts';
import { atEach, type Problems } from './at-each.ts';
import type { Dependencies } from './dependencies.ts';

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
  /** Why a data center could not be asked: streams that only this one has are not in the list. */
  readonly problems: Problems;
}

export interface PageRequest {
  readonly after: StreamId | undefined;
  readonly limit: number;
}

/**
 * A page of the streams that have a published asset in either data center, in the order of their ids; of a stream
 * with different states, the newer one. v2 gives assets in an order of its own, so every page looks at all of them.
 * @throws what a data center failed with, when no other one answers
 */
export async function listStreams({ dataCenters }: Dependencies, request: PageRequest): Promise<StreamPage> {
  const { answers, problems, error } = await atEach((key) => firstStreams(dataCenters[key].glance, request));
  if (error !== undefined && Object.keys(answers).length === 0) throw error;
  const found = new Map<StreamId, ListedStream>();
  for (const key of dataCenterKeys) {
    for (const stream of answers[key] ?? []) {
      const known = found.get(stream.streamId)?.revision ?? 0;
      // Of equal ones, the source's: it was there first.
      if (stream.revision > known || (stream.revision === known && stream.source === key)) {
        found.set(stream.streamId, stream);
      }
    }
  }
  const streams = firstOf(found, request.limit);
  return { streams, next: found.size > request.limit ? streams.at(-1)?.streamId : undefined, problems };
}

/** The first streams of one data center, and one more than a page has: that there are more. */
async function firstStreams(
  media: MediaServices,
  { after, limit }: PageRequest,
): Promise<readonly ListedStream[]> {
  let found = new Map<StreamId, ListedStream>();
  for await (const { Name, AlternateId, State, Created } of media.assets()) {
    const name = parsePublishedName(Name);
    if (name?.streamId !== AlternateId || State === AssetState.Deleted) continue;
    if (name.mark === 'deleted' || (after !== undefined && name.streamId <= after)) continue;
    const { streamId, source, revision } = name;
    found.set(streamId, { streamId, source, revision, created: Created.toISOString() });
    // Only the first ones are wanted, so that no more than some are held.
    if (found.size > 4 * limit) found = new Map(firstOf(found, limit + 1).map((one) => [one.streamId, one]));
  }
  return firstOf(found, limit + 1);
}

function firstOf(found: ReadonlyMap<StreamId, ListedStream>, count: number): ListedStream[] {
  return [...found.values()].sort((one, other) => (one.streamId < other.streamId ? -1 : 1)).slice(0, count);
}
