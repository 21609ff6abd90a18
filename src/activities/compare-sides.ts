import { compare, type Comparison } from '../streams/comparison.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';
import { unlessCanceled } from './heard-cancel.ts';
import { readSide, type SideReading } from './read-side.ts';

export interface CompareSidesInput {
  readonly run: RunReference;
  readonly source: { readonly side: DataCenterKey; readonly reading: SideReading };
  readonly target: { readonly side: DataCenterKey; readonly reading: SideReading };
  /** False while the target's locator is still to come. */
  readonly locators: boolean;
}

/** Step 11: reads both sides and compares them; what crosses into the history is only what was found. */
export function compareSides({ dataCenters, claims, telemetry }: Dependencies) {
  return async ({ run, source, target, locators }: CompareSidesInput): Promise<Comparison> => {
    const [left, right] = await unlessCanceled(claims, run, async (signal) =>
      Promise.all([
        readSide(dataCenters[source.side], run.streamId, { ...source.reading, as: 'source', signal }),
        readSide(dataCenters[target.side], run.streamId, { ...target.reading, as: 'target', signal }),
      ]),
    );
    const comparison = compare(left, right, { level: source.reading.level, locators, now: Date.now() });
    telemetry.event('SidesCompared', {
      ...run,
      level: comparison.level,
      equal: comparison.equal,
      files: comparison.files,
      bytes: comparison.bytes,
      differences: comparison.differenceCount,
    });
    return comparison;
  };
}
