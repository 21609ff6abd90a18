/**
 * An encoder in a process of its own, to be killed or measured: `node encoder-program.mjs CONNECTION INPUT OUTPUT SPEED [PRESET]`
 * prints `encoding` when it is well under way, and its outcome and peak memory when it is done.
 */
import { BlobServiceClient } from '@azure/storage-blob';
import { createEncoder } from '../../../src/media-service/encoder/encoder.ts';
import { findFfmpeg } from '../../../src/media-service/encoder/find-ffmpeg.ts';
import { MemoryQueue } from './memory-queue.ts';

const [connectionString = '', input = '', output = '', speed = '', preset] = process.argv.slice(2);
const service = BlobServiceClient.fromConnectionString(connectionString);
const queue = new MemoryQueue(service);
const job = queue.addExisting({
  input: service.getContainerClient(input),
  output: service.getContainerClient(output),
  ...(preset === undefined ? {} : { configuration: preset }),
});
const ffmpeg = await findFfmpeg({
  ffmpegPath: undefined,
  ffprobePath: undefined,
  searchPath: process.env['PATH'],
});
const quiet = (): void => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const stop = new AbortController();
const running = createEncoder({ queue, ffmpeg, speed, log }).run(stop.signal);
await job.reached(5);
console.log('encoding');
const outcome = await job.done;
stop.abort();
await running;
console.log(JSON.stringify({ outcome, peakBytes: process.resourceUsage().maxRSS * 1024 }));
