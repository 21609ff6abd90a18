/**
 * A media service as a process: configuration from the environment, `{"listening": …}` on stdout when it listens, its
 * log on stderr; SIGTERM or SIGINT stop it in order.
 */
import { mediaServiceConfig } from '../config/media-service.ts';
import { createLog } from './log.ts';
import { startMediaService } from './service.ts';

async function main(): Promise<void> {
  const config = mediaServiceConfig();
  const log = createLog(config.account);
  const service = await startMediaService({ config, log });
  process.stdout.write(`${JSON.stringify({ listening: service.url })}\n`);
  log.info({ url: service.url, roles: config.roles, storage: config.storage.kind }, 'Listening');

  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'Stopping');
    service.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'The service could not be stopped in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
  process.exitCode = 1;
});
