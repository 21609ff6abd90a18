import { compare, type Comparison } from '../streams/comparison.ts';
import { dataCenterKeys, otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import type { SideState } from '../streams/side-state.ts';
import type { StreamId } from '../streams/stream-id.ts';
import { atEach, type Problems } from './at-each.ts';
import type { Dependencies } from './dependencies.ts';
import { readSide } from './read-side.ts';

/** A stream as both data centers have it, by their properties. */
export interface StreamState {
  /** Who encodes it, as the newer side says. */
  readonly source: DataCenterKey;
  readonly sides: Partial<Readonly<Record<DataCenterKey, SideState>>>;
  /** Why a data center could not be asked. */
  readonly problems: Problems;
  readonly comparison: Comparison;
}

/**
 * Reads a stream from both data centers, at once and within seconds; one that cannot be asked is said to be so.
 * @returns undefined when no data center knows the stream
 * @throws what a data center failed with, when the others know nothing of the stream
 */
export async function readStream(
  { dataCenters }: Dependencies,
  streamId: StreamId,
): Promise<StreamState | undefined> {
  const { answers, problems, error } = await atEach(async (key) => {
    const dataCenter = dataCenters[key];
    return readSide({ ...dataCenter, media: dataCenter.glance }, streamId, { level: 'properties' });
  });
  const known = dataCenterKeys.flatMap((key) => answers[key] ?? []);
  const newest = known.toSorted((one, other) => other.name.revision - one.name.revision)[0];
  if (newest === undefined) {
    if (error !== undefined) throw error;
    return undefined;
  }
  const { source } = newest.name;
  const { [source]: here, [otherDataCenter(source)]: there } = answers;
  return {
    source,
    sides: Object.fromEntries(known.map((state) => [state.side, state])),
    problems,
    comparison: compare(here, there, { level: 'properties', locators: true, now: Date.now() }),
  };
}
