import type { InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { toOutcome, type Activities } from '../activities/activities.ts';
import { copyBlobs } from '../orchestrations/copy-blobs.ts';
import { publishStream } from '../orchestrations/publish-stream.ts';
import { replicateAsset } from '../orchestrations/replicate-asset.ts';
import { waitForJob } from '../orchestrations/wait-for-job.ts';
import { withLog } from '../telemetry.ts';
import { invocationLog } from './routes.ts';

const orchestrations = { publishStream, replicateAsset, copyBlobs, waitForJob };

/** Registers the orchestrations and activities under the names that they call each other by. */
export function registerDurable(activities: Activities): void {
  for (const [name, orchestration] of Object.entries(orchestrations))
    df.app.orchestration(name, orchestration);
  for (const [name, activity] of Object.entries(activities)) {
    const run = activity as (input: unknown) => Promise<unknown>;
    df.app.activity(name, {
      handler: (input: unknown, context: InvocationContext) =>
        withLog(invocationLog(context), () => toOutcome(() => run(input))),
    });
  }
}
