import type { DataCenterKey } from '../streams/data-center.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { Dependencies } from './dependencies.ts';
import { compareProperties, homeStreams } from './find-unprotected.ts';
import { StreamLooks } from './stream-looks.ts';

export interface FindProtectedInput {
  readonly source: DataCenterKey;
  /** Those behind this one, in the order of their ids; null: from the first one. */
  readonly after: StreamId | null;
  /** Streams looked at. */
  readonly limit: number;
}

export interface FoundProtected {
  readonly streams: readonly StreamId[];
  /** The last stream looked at; null when there are no more. */
  readonly next: StreamId | null;
}

/**
 * The next streams of a source whose two sides are equal by their properties: what is worth reading byte for byte. One
 * that cannot be looked at is among them, so that its reading tells why.
 */
export function findProtected(dependencies: Dependencies) {
  return async ({ source, after, limit }: FindProtectedInput): Promise<FoundProtected> => {
    let ids: StreamId[] = [];
    for await (const streamId of homeStreams(dependencies, source)) {
      if (after === null || streamId > after) ids.push(streamId);
      // Only the first ones are wanted, so that no more than some are held.
      if (ids.length > 100 * limit) ids = ids.sort().slice(0, limit + 1);
    }
    const looked = ids.sort().slice(0, limit);
    const streams: StreamId[] = [];
    const looks = new StreamLooks();
    for (const streamId of looked) {
      const failure = await looks.at(async () => {
        const compared = await compareProperties(dependencies, streamId, source);
        if (compared?.comparison.equal === true) streams.push(streamId);
      });
      if (failure !== undefined) streams.push(streamId);
      if (looks.areOver) break;
    }
    looks.end();
    return { streams, next: ids.length > limit ? (looked.at(-1) ?? null) : null };
  };
}
