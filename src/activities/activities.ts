import type { Failure, Outcome } from '../streams/errors.ts';
import { cancelJob } from './cancel-job.ts';
import { claimStream } from './claim-stream.ts';
import { compareSides } from './compare-sides.ts';
import { confirmClaim } from './confirm-claim.ts';
import { copyBlob } from './copy-blob.ts';
import { createAsset } from './create-asset.ts';
import { createFileInfos } from './create-file-infos.ts';
import { createOriginLocator } from './create-origin-locator.ts';
import { readSas, writeSas } from './create-sas.ts';
import { deleteLocator } from './delete-locator.ts';
import { deleteSasLocators } from './delete-sas-locators.ts';
import type { Dependencies } from './dependencies.ts';
import { discardOutput } from './discard-output.ts';
import { encode } from './encode.ts';
import { toFailure } from './failures.ts';
import { findProtected } from './find-protected.ts';
import { findStream } from './find-stream.ts';
import { findUnprotected } from './find-unprotected.ts';
import { finishRun } from './finish-run.ts';
import { heard, heardInTrouble } from './heard-cancel.ts';
import { inspectInput } from './inspect-input.ts';
import { listBatch } from './list-batch.ts';
import { planBatches } from './plan-batches.ts';
import { probeOrigin } from './probe-origin.ts';
import { publishAsset } from './publish-asset.ts';
import { readJob } from './read-job.ts';
import { replicateLocator } from './replicate-locator.ts';
import { requestCancel } from './request-cancel.ts';
import { startEndpoint } from './start-endpoint.ts';
import { takeIn } from './take-in.ts';

/** Every activity, by the name that orchestrations call it by. */
export function createActivities(dependencies: Dependencies) {
  const { claims } = dependencies;
  return {
    cancelJob: cancelJob(dependencies),
    claimStream: claimStream(dependencies),
    compareSides: compareSides(dependencies),
    confirmClaim: confirmClaim(dependencies),
    copyBlob: copyBlob(dependencies),
    createAsset: heard(claims, createAsset(dependencies)),
    createFileInfos: heard(claims, createFileInfos(dependencies)),
    createOriginLocator: createOriginLocator(dependencies),
    deleteLocator: deleteLocator(dependencies),
    deleteSasLocators: deleteSasLocators(dependencies),
    discardOutput: discardOutput(dependencies),
    encode: encode(dependencies),
    findProtected: findProtected(dependencies),
    findStream: findStream(dependencies),
    findUnprotected: findUnprotected(dependencies),
    finishRun: finishRun(dependencies),
    inspectInput: inspectInput(dependencies),
    listBatch: listBatch(dependencies),
    planBatches: planBatches(dependencies),
    probeOrigin: heard(claims, probeOrigin(dependencies)),
    publishAsset: publishAsset(dependencies),
    readJob: heardInTrouble(claims, readJob(dependencies)),
    readSas: heard(claims, readSas(dependencies)),
    replicateLocator: heard(claims, replicateLocator(dependencies)),
    requestCancel: requestCancel(dependencies),
    startEndpoint: heard(claims, startEndpoint(dependencies)),
    takeIn: takeIn(dependencies),
    writeSas: heard(claims, writeSas(dependencies)),
  };
}

export type Activities = ReturnType<typeof createActivities>;
export type ActivityName = keyof Activities;
export type ActivityInput<Name extends ActivityName> = Parameters<Activities[Name]>[0];
export type ActivityValue<Name extends ActivityName> = Awaited<ReturnType<Activities[Name]>>;

/** Runs an activity; what it throws becomes data, which is how failures cross into the durable history. */
export async function toOutcome<Value>(
  work: () => Promise<Value>,
  tell: (failure: Failure, error: unknown) => void = () => undefined,
): Promise<Outcome<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    const failure = toFailure(error);
    tell(failure, error);
    return { ok: false, error: failure };
  }
}
