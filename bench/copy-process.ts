/**
 * A process that copies what one container has and another lacks, and tells how long it took and how much memory it
 * needed; benchmarks and tests start it. In: `ProcessCopy` as JSON in
 * the variable COPY (a command line would show the SAS to everyone). Out: `ProcessCopyResult` as one line.
 */
import { readFileSync } from 'node:fs';
import type { BlobSummary, ContainerSasUrl } from '../src/blob-copy/container-sas.ts';
import { copyBlob, type BlobCopy } from '../src/blob-copy/copy-blob.ts';
import type { Side } from '../src/blob-copy/errors.ts';
import { inLanes } from '../src/blob-copy/lanes.ts';
import { listBlobs } from '../src/blob-copy/list.ts';
import { planCopy } from '../src/blob-copy/plan.ts';
import { ServerSideRefusals } from '../src/blob-copy/refusals.ts';

export interface ProcessCopy {
  readonly source: ContainerSasUrl;
  readonly target: ContainerSasUrl;
  readonly way: NonNullable<BlobCopy['way']>;
  /** Blobs at a time. */
  readonly parallel: number;
}

export interface ProcessCopyResult {
  readonly blobs: number;
  readonly bytes: number;
  readonly ways: readonly string[];
  /** Milliseconds. */
  readonly took: number;
  /** Resident bytes when everything was loaded, and at most; undefined where the kernel does not tell (not Linux). */
  readonly memory: { readonly base: number; readonly peak: number } | undefined;
}

/** Of this process alone; `resourceUsage` counts its parent's too. */
function memory(field: 'VmRSS' | 'VmHWM'): number | undefined {
  try {
    const kibibytes = new RegExp(`${field}:\\s+(\\d+) kB`).exec(
      readFileSync('/proc/self/status', 'utf8'),
    )?.[1];
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
  } catch {
    return undefined;
  }
}

async function listed(container: ContainerSasUrl, side: Side): Promise<BlobSummary[]> {
  const blobs: BlobSummary[] = [];
  for await (const blob of listBlobs(container, { side })) blobs.push(blob);
  return blobs;
}

const { source, target, way, parallel } = JSON.parse(process.env['COPY'] ?? '') as ProcessCopy;
const base = memory('VmRSS');
const started = performance.now();
const plan = planCopy(await listed(source, 'source'), await listed(target, 'target'));
const refusals = new ServerSideRefusals();
const ways = new Set<string>();
await inLanes(plan.copy, parallel, undefined, async (blob, { signal }) => {
  ways.add((await copyBlob({ source, target, ...blob, way, refusals, signal })).way);
});
const peak = memory('VmHWM');
const result: ProcessCopyResult = {
  blobs: plan.copy.length,
  bytes: plan.bytes,
  ways: [...ways].sort(),
  took: performance.now() - started,
  memory: base === undefined || peak === undefined ? undefined : { base, peak },
};
console.log(JSON.stringify(result));
