import * as df from 'durable-functions';
import { withLog } from '../telemetry.ts';
import type { Application } from './application.ts';
import { resyncCommand } from './commands.ts';
import { RequestError } from './problems.ts';
import { invocationLog } from './routes.ts';
import { startRun } from './start-run.ts';

/** The timer that begins what `POST /api/resync` begins, unless a re-sync is running. */
export function registerResyncTimer(application: Application): void {
  const { config, dependencies } = application;
  const { claims, telemetry } = dependencies;
  df.app.client.timer('resyncTimer', {
    schedule: config.resync.schedule,
    handler: (_timer, client, context) =>
      withLog(invocationLog(context), async () => {
        try {
          const { operationId } = await startRun(claims, client, resyncCommand(application));
          telemetry.event('ResyncDue', { operationId });
        } catch (error) {
          // Another one, with other settings, is at it.
          if (!(error instanceof RequestError) || error.status !== 409) throw error;
          telemetry.event('ResyncDue', { busy: error.message });
        }
      }),
  });
}
