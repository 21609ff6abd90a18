import { compare, type Comparison } from '../streams/comparison.ts';
import { dataCenterKeys, otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import type { SideState } from '../streams/side-state.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { Dependencies } from './dependencies.ts';
import { toFailure } from './failures.ts';
import { readSide } from './read-side.ts';

/** A stream as both data centers have it, by their properties. */
export interface StreamState {
  /** Who encodes it, as the newer side says. */
  readonly source: DataCenterKey;
  readonly sides: Partial<Readonly<Record<DataCenterKey, SideState>>>;
  /** Data centers that could not be asked. */
  readonly unreachable: readonly DataCenterKey[];
  readonly comparison: Comparison;
}

/**
 * Reads a stream from both data centers; one that cannot be reached is said to be so.
 * @returns undefined when a data center that could be asked does not know the stream, and no other does
 * @throws what both data centers failed with
 */
export async function readStream(
  { dataCenters }: Dependencies,
  streamId: StreamId,
): Promise<StreamState | undefined> {
  const readings = await Promise.all(
    dataCenterKeys.map(async (side) => {
      try {
        return { side, state: await readSide(dataCenters[side], streamId, { level: 'properties' }) };
      } catch (error) {
        if (!toFailure(error).retriable) throw error;
        return { side, error };
      }
    }),
  );
  const failed = readings.filter((reading) => 'error' in reading);
  if (failed.length === dataCenterKeys.length) throw failed[0]?.error;
  const known = readings.flatMap(({ state }) => (state === undefined ? [] : [state]));
  const newest = known.toSorted((one, other) => other.name.revision - one.name.revision)[0];
  if (newest === undefined) {
    if (failed.length > 0) throw failed[0]?.error;
    return undefined;
  }
  const { source } = newest.name;
  const on = (side: DataCenterKey): SideState | undefined => known.find((state) => state.side === side);
  return {
    source,
    sides: Object.fromEntries(known.map((state) => [state.side, state])),
    unreachable: failed.map(({ side }) => side),
    comparison: compare(on(source), on(otherDataCenter(source)), { level: 'properties', locators: true }),
  };
}
