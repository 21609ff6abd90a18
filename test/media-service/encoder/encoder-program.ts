/** An encoder in a process of its own, to be killed: `node encoder-program.mjs CONNECTION INPUT OUTPUT`. */
import { BlobServiceClient } from '@azure/storage-blob';
import { createEncoder } from '../../../src/media-service/encoder/encoder.ts';
import { findFfmpeg } from '../../../src/media-service/encoder/find-ffmpeg.ts';
import { MemoryQueue } from './memory-queue.ts';

const [connectionString = '', input = '', output = ''] = process.argv.slice(2);
const service = BlobServiceClient.fromConnectionString(connectionString);
const queue = new MemoryQueue(service);
const job = queue.addExisting({
  input: service.getContainerClient(input),
  output: service.getContainerClient(output),
});
const ffmpeg = await findFfmpeg({
  ffmpegPath: undefined,
  ffprobePath: undefined,
  searchPath: process.env['PATH'],
});
const quiet = (): void => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const running = createEncoder({ queue, ffmpeg, speed: 'medium', log }).run(new AbortController().signal);
await job.reached(5);
console.log('encoding');
await running;
