import type { ByteProgress, RunStatus } from '../streams/operation.ts';

/** The part of the whole operation that each step takes, in percent: from and to. */
const shares = {
  findStream: [0, 1],
  waitToTakeIn: [1, 8],
  takeIn: [1, 8],
  createAsset: [1, 8],
  encode: [8, 10],
  waitForEncoder: [10, 10],
  waitForJob: [10, 60],
  publishAsset: [60, 61],
  createOriginLocator: [61, 62],
  replicateAsset: [62, 99],
  readSas: [62, 63],
  writeSas: [63, 64],
  copyBlobs: [64, 85],
  createFileInfos: [85, 86],
  compare: [86, 91],
  replicateLocator: [91, 92],
  probeOrigin: [92, 98],
  deleteLocators: [98, 99],
  done: [100, 100],
} as const satisfies Record<string, readonly [number, number]>;

export type StepName = keyof typeof shares;

/**
 * The custom status of a run.
 * @param within how far the step itself is, 0 to 1
 */
export function statusOf(
  step: StepName,
  within = 0,
  more: { readonly bytes?: ByteProgress; readonly part?: string; readonly lanes?: readonly string[] } = {},
): RunStatus {
  const [from, to] = shares[step];
  return { step, percent: Math.round(from + (to - from) * Math.min(1, Math.max(0, within))), ...more };
}

/** The status of a copy, with what its lanes have copied since it was set. */
export function withLanes(
  { done, total }: ByteProgress,
  lanes: readonly (Pick<RunStatus, 'bytes'> | undefined)[],
): RunStatus {
  const copied = lanes.reduce((sum, lane) => sum + (lane?.bytes?.done ?? 0), done);
  const bytes = { done: Math.min(total, copied), total };
  return statusOf('copyBlobs', total === 0 ? 0 : bytes.done / total, { bytes });
}
