import { AssetState } from '../media-service/model.ts';
import { compare, describeDifferences, hasExpired, type Comparison } from '../streams/comparison.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import { parsePublishedName } from '../streams/published-name.ts';
import type { SideState } from '../streams/side-state.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { Dependencies } from './dependencies.ts';
import { readSide } from './read-side.ts';
import { StreamLooks } from './stream-looks.ts';

export interface FindUnprotectedInput {
  readonly source: DataCenterKey;
  /** Looked at in this re-sync already. */
  readonly skip: readonly StreamId[];
}

export interface Unprotected {
  readonly streamId: StreamId;
  /** What differs, for people. */
  readonly reason: string;
}

export interface FoundUnprotected {
  readonly checked: number;
  readonly count: number;
  /** The first ones: the history holds no longer list. */
  readonly streams: readonly Unprotected[];
  /**
   * Those whose URL has expired at its source: no replication gives it back, so they are not among the others. Absent
   * in the history of an earlier version.
   */
  readonly expired?: { readonly count: number; readonly streams: readonly Unprotected[] };
}

const mostStreams = 50;
/** Streams looked at, at a time. */
const parallel = 8;

const minute = 60_000;
const day = 24 * 60 * minute;

/**
 * Pages through the published assets of a source, and finds those whose other side is not equal. The first look of a
 * re-sync is an event, which alerts go by: how many are not protected, how long ago the oldest of them was published,
 * how many have a URL that has expired, and when the first published URL expires.
 */
export function findUnprotected(dependencies: Dependencies) {
  return async ({ source, skip }: FindUnprotectedInput): Promise<FoundUnprotected> => {
    const seen = new Set<StreamId>(skip);
    const streams: Unprotected[] = [];
    let checked = 0;
    let count = 0;
    const expired: Unprotected[] = [];
    let expiredCount = 0;
    let lagMinutes = 0;
    let shortestLocatorDays: number | undefined;
    const look = async (streamId: StreamId): Promise<void> => {
      const compared = await compareProperties(dependencies, streamId, source);
      if (compared === undefined) return;
      const { comparison } = compared;
      const { locator } = compared.source;
      const unprotected = { streamId, reason: describeDifferences(comparison) };
      checked += 1;
      if (locator !== undefined) {
        const days = Math.floor((Date.parse(locator.expires) - Date.now()) / day);
        shortestLocatorDays = Math.min(days, shortestLocatorDays ?? days);
      }
      if (comparison.equal) return;
      if (hasExpired(compared.source, Date.now())) {
        expiredCount += 1;
        if (expired.length < mostStreams) expired.push(unprotected);
        return;
      }
      count += 1;
      const published = Date.parse(locator?.start ?? '');
      if (published < Date.now()) {
        lagMinutes = Math.max(lagMinutes, Math.floor((Date.now() - published) / minute));
      }
      if (streams.length < mostStreams) streams.push(unprotected);
    };
    const looks = new StreamLooks();
    // A stream that cannot be read is open, and ends the look at no other one.
    const lookOrTell = async (streamId: StreamId): Promise<void> => {
      const failure = await looks.at(() => look(streamId));
      if (failure === undefined) return;
      checked += 1;
      count += 1;
      if (streams.length < mostStreams) streams.push({ streamId, reason: failure.message.slice(0, 300) });
    };
    const running = new Set<Promise<void>>();
    for await (const streamId of homeStreams(dependencies, source)) {
      if (seen.has(streamId)) continue;
      seen.add(streamId);
      const work: Promise<void> = lookOrTell(streamId).finally(() => running.delete(work));
      running.add(work);
      if (running.size >= parallel) await Promise.race(running);
      if (looks.areOver) break;
    }
    await Promise.all(running);
    looks.end();
    if (skip.length === 0) {
      const facts = {
        source,
        checked,
        unprotected: count,
        expired: expiredCount,
        lagMinutes,
        shortestLocatorDays,
      };
      dependencies.telemetry.event('StreamsChecked', facts);
    }
    return { checked, count, streams, expired: { count: expiredCount, streams: expired } };
  };
}

/** The streams that a data center encodes and has published, in no order; one twice when it has two assets. */
export async function* homeStreams(
  { dataCenters }: Dependencies,
  source: DataCenterKey,
): AsyncGenerator<StreamId> {
  for await (const asset of dataCenters[source].media.assets()) {
    const name = parsePublishedName(asset.Name);
    if (name?.source !== source || name.mark !== undefined || asset.State === AssetState.Deleted) continue;
    if (asset.AlternateId === name.streamId) yield name.streamId;
  }
}

/** Both sides, and the source's own state; undefined when the stream was deleted or given to the other side meanwhile. */
export async function compareProperties(
  { dataCenters }: Dependencies,
  streamId: StreamId,
  source: DataCenterKey,
): Promise<{ readonly comparison: Comparison; readonly source: SideState } | undefined> {
  const read = async (key: DataCenterKey) => readSide(dataCenters[key], streamId, { level: 'properties' });
  const [here, there] = await Promise.all([read(source), read(otherDataCenter(source))]);
  if (here?.name.source !== source) return undefined;
  const comparison = compare(here, there, { level: 'properties', locators: true, now: Date.now() });
  return { comparison, source: here };
}
