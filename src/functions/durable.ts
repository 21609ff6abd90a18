import type { InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { toOutcome } from '../activities/activities.ts';
import { tellFailure } from '../activities/failures.ts';
import { copyBlobs } from '../orchestrations/copy-blobs.ts';
import { publishStream } from '../orchestrations/publish-stream.ts';
import { replicateAsset } from '../orchestrations/replicate-asset.ts';
import { replicateStream } from '../orchestrations/replicate-stream.ts';
import { resync } from '../orchestrations/resync.ts';
import { takeInput } from '../orchestrations/take-input.ts';
import { verifyStream } from '../orchestrations/verify-stream.ts';
import { waitForJob } from '../orchestrations/wait-for-job.ts';
import type { Outcome } from '../streams/errors.ts';
import { withLog, type Telemetry } from '../telemetry.ts';
import type { Application } from './application.ts';
import { durableRuns } from './durable-runs.ts';
import { invocationLog } from './routes.ts';

const orchestrations = {
  copyBlobs,
  publishStream,
  replicateAsset,
  replicateStream,
  resync,
  takeInput,
  verifyStream,
  waitForJob,
};

/** Registers the orchestrations and activities under the names that they call each other by. */
export function registerDurable({ activities, dependencies: { telemetry } }: Application): void {
  for (const [name, orchestration] of Object.entries(orchestrations))
    df.app.orchestration(name, orchestration);
  const { claimStream, ...others } = activities;
  for (const [name, activity] of Object.entries(others)) {
    const step = activity as (input: unknown) => Promise<unknown>;
    df.app.activity(name, {
      handler: (input: unknown, context: InvocationContext) =>
        perform(telemetry, context, input, () => step(input)),
    });
  }
  df.app.activity('claimStream', {
    extraInputs: [df.input.durableClient()],
    handler: (input: Parameters<typeof claimStream>[0], context: InvocationContext) =>
      perform(telemetry, context, input, () => claimStream(input, durableRuns(df.getClient(context)))),
  });
}

/** Does a step with the log of its invocation, and tells there why it failed. */
function perform<Value>(
  telemetry: Telemetry,
  context: InvocationContext,
  input: unknown,
  work: () => Promise<Value>,
): Promise<Outcome<Value>> {
  return withLog(invocationLog(context), () =>
    toOutcome(work, (failure, error) => tellFailure(telemetry, context.functionName, input, failure, error)),
  );
}
