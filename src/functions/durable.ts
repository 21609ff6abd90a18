import type { InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { toOutcome, type Activities } from '../activities/activities.ts';
import { copyBlobs } from '../orchestrations/copy-blobs.ts';
import { publishStream } from '../orchestrations/publish-stream.ts';
import { replicateAsset } from '../orchestrations/replicate-asset.ts';
import { replicateStream } from '../orchestrations/replicate-stream.ts';
import { resync } from '../orchestrations/resync.ts';
import { takeInput } from '../orchestrations/take-input.ts';
import { verifyStream } from '../orchestrations/verify-stream.ts';
import { waitForJob } from '../orchestrations/wait-for-job.ts';
import { withLog } from '../telemetry.ts';
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
export function registerDurable(activities: Activities): void {
  for (const [name, orchestration] of Object.entries(orchestrations))
    df.app.orchestration(name, orchestration);
  const { claimStream, ...others } = activities;
  for (const [name, activity] of Object.entries(others)) {
    register(name, activity as (input: unknown) => Promise<unknown>);
  }
  df.app.activity('claimStream', {
    extraInputs: [df.input.durableClient()],
    handler: (input: Parameters<typeof claimStream>[0], context: InvocationContext) =>
      withLog(invocationLog(context), () =>
        toOutcome(() => claimStream(input, durableRuns(df.getClient(context)))),
      ),
  });
}

function register(name: string, activity: (input: unknown) => Promise<unknown>): void {
  df.app.activity(name, {
    handler: (input: unknown, context: InvocationContext) =>
      withLog(invocationLog(context), () => toOutcome(() => activity(input))),
  });
}
