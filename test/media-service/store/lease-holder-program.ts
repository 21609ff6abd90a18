/** An encoder that takes a job, starts it and then only holds it: `node lease-holder-program.mjs CONNECTION`, to be killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { limits, storeOver } from './store-of-a-test.ts';

const { encoding } = await storeOver(process.argv[2] ?? '');
const job = await encoding.take();
await job?.start();
job?.progress(42);
process.stdout.write(`${job?.jobId ?? 'none'}\n`);
await sleep(limits.leaseSeconds * 60_000);
