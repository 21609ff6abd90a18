/**
 * The encoder as a process that the queue starts: takes one job, ends it, and ends itself. SIGTERM or SIGINT give the
 * job back first. Configuration from the environment, log on stderr; the exit code is 0 whatever came of the job, for
 * its queue message says whether another process is needed.
 */
import { mediaServiceConfig } from '../config/media-service.ts';
import { createEncoder } from './encoder/encoder.ts';
import { findFfmpeg } from './encoder/find-ffmpeg.ts';
import { createLog } from './log.ts';
import { storageClients } from './store/storage-clients.ts';
import { createStore } from './store/store.ts';

/** Milliseconds: a message that started this process may rest for some seconds after a failed attempt. */
const patience = 20_000;

async function main(): Promise<void> {
  const config = mediaServiceConfig();
  const log = createLog(config.account);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      log.info({ signal }, 'Stopping');
      stop.abort();
    });
  }
  const ffmpeg = await findFfmpeg(config);
  const store = createStore({
    clients: await storageClients(config.storage),
    // No encoder tells anybody an address.
    publicBase: () => config.publicUrl ?? '',
    log,
  });
  const encoder = createEncoder({
    queue: store.encoding,
    ffmpeg,
    speed: config.encoderSpeed,
    timeLimit: config.encoderTimeLimitMinutes * 60_000,
    log,
  });
  if (!(await encoder.runOne(stop.signal, patience))) log.info({}, 'No job was waiting');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
    process.exit(1);
  },
);
