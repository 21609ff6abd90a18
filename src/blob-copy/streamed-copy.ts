import { createHash } from 'node:crypto';
import { optionsFor, type BlobJob, type WrittenBlob } from './blob-job.ts';
import { blocksOf, type Block } from './blocks.ts';
import { hex, sourceMd5Metadata } from './container.ts';
import { BlobCopyError } from './errors.ts';
import { inLanes } from './lanes.ts';
import { OrderedHash } from './ordered-hash.ts';
import { readRange, type Range } from './read-range.ts';
import { canceled, repeated } from './requests.ts';
import { commit, stagedBlocks, withMd5 } from './staged-blocks.ts';

const parallel = 4;
/** Bytes; all lanes together hold no more, unless a single block of a huge blob is larger. */
const memory = 64 * 2 ** 20;

export interface StreamedBlob {
  /** Hex, of all the bytes. */
  readonly md5: string;
  /** Undefined for a blob of blocks, which the service does not hash. */
  readonly written?: WrittenBlob;
}

/**
 * Copies through this process: ranges of the source in, blocks with an MD5 each out.
 * @throws BlobCopyError `mismatch`, before anything is published, when that is not the MD5 the source declares
 */
export async function copyStreamed(job: BlobJob): Promise<StreamedBlob> {
  return job.version.size <= job.blockSize ? copyWhole(job) : copyBlocks(job);
}

async function copyWhole(job: BlobJob): Promise<StreamedBlob> {
  const bytes = Buffer.allocUnsafeSlow(job.version.size);
  await fill(bytes, { offset: 0, count: bytes.length }, job, job.signal);
  const md5 = proven(job, createHash('md5').update(bytes).digest('hex'));
  const { contentMD5, etag } = await repeated(
    optionsFor(job, 'target', 'Writing', bytes.length),
    ({ signal }) =>
      job.to.upload(bytes, bytes.length, {
        abortSignal: signal,
        blobHTTPHeaders: withMd5(job, md5),
        metadata: { ...job.metadata, [sourceMd5Metadata]: md5 },
      }),
  );
  job.progressed(bytes.length);
  return { md5, written: { md5: hex(contentMD5), etag } };
}

async function copyBlocks(job: BlobJob): Promise<StreamedBlob> {
  const blocks = blocksOf(job.version, job.blockSize);
  const staged = await stagedBlocks(job, blocks);
  const lanes = Math.max(1, Math.min(parallel, Math.floor(memory / job.blockSize)));
  const buffers = Array.from({ length: Math.min(lanes, blocks.length) }, () =>
    Buffer.allocUnsafeSlow(job.blockSize),
  );
  const hash = new OrderedHash();
  let done = 0;
  await inLanes(blocks, lanes, job.signal, async (block, { lane, signal }) => {
    const bytes = (buffers[lane] as Buffer).subarray(0, block.count);
    // What is staged already is read all the same: only the hash of everything tells that nothing wrong was staged.
    await fill(bytes, block, job, signal);
    const isStaged = staged.has(block.id);
    const [isHashed] = await Promise.all([
      hash.add(block.offset, bytes, signal),
      isStaged ? undefined : stage(block, bytes, job, signal),
    ]);
    if (!isHashed) throw canceled(optionsFor(job, 'source', 'Reading'));
    done += block.count;
    job.progressed(done);
  });
  const md5 = proven(job, hash.digest());
  await commit(job, blocks, md5);
  return { md5 };
}

async function fill(
  bytes: Buffer,
  range: Range,
  job: BlobJob,
  signal: AbortSignal | undefined,
): Promise<void> {
  let filled = 0;
  const { etag } = job.version;
  await readRange(
    job.from,
    { offset: range.offset, count: range.count, etag },
    { ...optionsFor(job, 'source', 'Reading'), signal },
    (part) => (filled += part.copy(bytes, filled)),
  );
}

async function stage(block: Block, bytes: Buffer, job: BlobJob, ended: AbortSignal): Promise<void> {
  const transactionalContentMD5 = createHash('md5').update(bytes).digest();
  await repeated({ ...optionsFor(job, 'target', 'Writing', bytes.length), signal: ended }, ({ signal }) =>
    job.to.stageBlock(block.id, bytes, bytes.length, { abortSignal: signal, transactionalContentMD5 }),
  );
}

function proven(job: BlobJob, md5: string): string {
  if (job.md5 === undefined || job.md5 === md5) return md5;
  const message = `"${job.version.name}" has the MD5 ${md5} at the source, which declares ${job.md5}`;
  throw new BlobCopyError({ code: 'mismatch', side: 'source', message });
}
