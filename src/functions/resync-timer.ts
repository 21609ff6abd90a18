import * as df from 'durable-functions';
import { withLog } from '../telemetry.ts';
import type { Application } from './application.ts';
import { resyncCommand } from './commands.ts';
import { RequestError } from './problems.ts';
import { invocationLog } from './routes.ts';
import { startRun } from './start-run.ts';

/** The timer that begins a re-sync, unless one is running. */
export function registerResyncTimer(application: Application): void {
  const { config, dependencies } = application;
  df.app.client.timer('resyncTimer', {
    schedule: config.resync.schedule,
    handler: (_timer, client, context) =>
      withLog(invocationLog(context), async () => {
        try {
          await startRun(dependencies.claims, client, 'resync', resyncCommand(application));
        } catch (error) {
          // Another one, with other settings, is at it.
          if (!(error instanceof RequestError) || error.status !== 409) throw error;
        }
      }),
  });
}
