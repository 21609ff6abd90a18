import { setMaxListeners } from 'node:events';
import { optionsFor, type BlobJob, type WrittenBlob } from './blob-job.ts';
import { blockSizeFor, defaultBlockSize } from './blocks.ts';
import type { BlobSummary, ContainerSasUrl } from './container-sas.ts';
import { openContainer, sourceEtagMetadata, sourceMd5Metadata, summaryOf } from './container.ts';
import { BlobCopyError } from './errors.ts';
import { hasSameContent } from './plan.ts';
import type { ServerSideOperation, ServerSideRefusals } from './refusals.ts';
import { defaultLimits, repeated, type RequestLimits } from './requests.ts';
import { copyBlocksServerSide, copyWholeServerSide, largestWhole } from './server-side-copy.ts';
import { copyStreamed } from './streamed-copy.ts';

export interface BlobCopy {
  /** Read. */
  readonly source: ContainerSasUrl;
  /** Read and write. */
  readonly target: ContainerSasUrl;
  readonly name: string;
  /** Bytes, as listed at the source. */
  readonly size: number;
  /** As listed at the source: this version is copied, or none. */
  readonly etag: string;
  /** Hex; what the bytes must have. Absent: the Content-MD5 of the source, when it has one. */
  readonly md5?: string | undefined;
  /** Whether the target's listing lacked it, so that it need not be looked for there. */
  readonly isNew?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes so far; never less than told before. */
  readonly onProgress?: (bytes: number) => void;
  /** Shared by the copies of a run: a refused way is not tried again for each blob. */
  readonly refusals?: ServerSideRefusals;
  /** `streamed`: through this process always. */
  readonly way?: 'server-side first' | 'streamed';
  /** Bytes a block, at least; 8 MiB when absent. */
  readonly blockSize?: number;
  /** Bytes; larger blobs are copied in blocks on the service's side; 256 MiB, the service's limit, when absent. */
  readonly wholeUpTo?: number;
  readonly limits?: RequestLimits;
}

export interface CopiedBlob {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Hex, at the target; undefined when the source has none and the service copied it. */
  readonly md5: string | undefined;
  /** At the target. */
  readonly etag: string;
  /** Streamed bytes have been hashed; those that the service copied are known by size and properties. */
  readonly way: 'skipped' | 'server-side' | 'streamed';
}

/** How often blocks that vanished (a restarted emulator, another version committed meanwhile) are staged again. */
const stagings = 2;

/**
 * Copies one version of a blob from one container to another, by SAS only, or not at all: on the service's side when it
 * can, else streamed through this process. What is there already is skipped; what an earlier attempt has staged is used.
 * @throws BlobCopyError
 */
export async function copyBlob(copy: BlobCopy): Promise<CopiedBlob> {
  const job = await prepare(copy);
  const before = copy.isNew === true ? undefined : await atTarget(job);
  if (before !== undefined && hasSameContent({ ...job.version, md5: job.md5 }, before)) {
    job.progressed(copy.size);
    return { name: copy.name, size: copy.size, md5: before.md5, etag: before.etag, way: 'skipped' };
  }
  const operation: ServerSideOperation = copy.size <= (copy.wholeUpTo ?? largestWhole) ? 'whole' : 'blocks';
  let refused = false;
  if (copy.way !== 'streamed' && copy.refusals?.has(operation, copy.source, copy.target) !== true) {
    try {
      const written = await again(() =>
        operation === 'whole' ? copyWholeServerSide(job) : copyBlocksServerSide(job),
      );
      return await verified(job, { md5: job.md5, written, way: 'server-side' });
    } catch (error) {
      if (!mayStreamInstead(error)) throw error;
      refused = isRefusal(error);
    }
  }
  const streamed = await again(() => copyStreamed(job));
  if (refused) copy.refusals?.add(operation, copy.source, copy.target);
  return verified(job, { ...streamed, way: 'streamed' });
}

/** Looks at the source and settles everything about the copy but its way. */
async function prepare(copy: BlobCopy): Promise<BlobJob> {
  const limits = copy.limits ?? defaultLimits;
  // Thousands of copies may share one signal; that many listeners are no leak.
  if (copy.signal !== undefined) setMaxListeners(0, copy.signal);
  const from = openContainer(copy.source).getBlobClient(copy.name);
  const to = openContainer(copy.target).getBlockBlobClient(copy.name);
  const properties = await repeated(
    { side: 'source', doing: `Looking at "${copy.name}"`, signal: copy.signal, limits },
    ({ signal }) => from.getProperties({ abortSignal: signal }),
  );
  const version = summaryOf(copy.name, properties);
  const refuse = (code: 'source-changed' | 'refused', message: string): BlobCopyError =>
    new BlobCopyError({ code, side: 'source', message });
  if (version.etag !== copy.etag || version.size !== copy.size) {
    throw refuse('source-changed', `"${copy.name}" has changed at the source since it was listed`);
  }
  const blockSize = blockSizeFor(copy.size, copy.blockSize ?? defaultBlockSize);
  if (blockSize === undefined) {
    throw refuse('refused', `"${copy.name}" is larger than a block blob can be`);
  }
  const md5 = copy.md5 ?? version.md5 ?? version.sourceMd5;
  let told = 0;
  return {
    from,
    to,
    version,
    md5,
    headers: defined({
      blobContentType: properties.contentType,
      blobContentEncoding: properties.contentEncoding,
      blobContentLanguage: properties.contentLanguage,
      blobContentDisposition: properties.contentDisposition,
      blobCacheControl: properties.cacheControl,
    }),
    metadata: {
      ...properties.metadata,
      [sourceEtagMetadata]: version.etag,
      ...(md5 === undefined ? {} : { [sourceMd5Metadata]: md5 }),
    },
    blockSize,
    limits,
    signal: copy.signal,
    progressed: (bytes) => {
      if (bytes <= told) return;
      told = bytes;
      copy.onProgress?.(bytes);
    },
  };
}

async function atTarget(job: BlobJob): Promise<BlobSummary | undefined> {
  try {
    const properties = await repeated(optionsFor(job, 'target', 'Looking at'), ({ signal }) =>
      job.to.getProperties({ abortSignal: signal }),
    );
    return summaryOf(job.version.name, properties);
  } catch (error) {
    if (error instanceof BlobCopyError && error.serviceCode === 'BlobNotFound') return undefined;
    throw error;
  }
}

/** What is at the target now must be what was copied: by the service's own hash, else by a look at it. */
async function verified(
  job: BlobJob,
  copied: {
    readonly md5: string | undefined;
    readonly written?: WrittenBlob | undefined;
    readonly way: CopiedBlob['way'];
  },
): Promise<CopiedBlob> {
  const { name, size } = job.version;
  const { md5, written, way } = copied;
  if (md5 !== undefined && written?.md5 === md5 && written.etag !== undefined) {
    return { name, size, md5, etag: written.etag, way };
  }
  const there = await atTarget(job);
  if (there?.size === size && (md5 === undefined || there.md5 === md5)) {
    return { name, size, md5: there.md5, etag: there.etag, way };
  }
  const found =
    there === undefined ? 'is not there' : `has ${there.size} bytes and the MD5 ${there.md5 ?? '(none)'}`;
  const message = `"${name}" ${found} after copying; expected were ${size} bytes and the MD5 ${md5 ?? '(none)'}`;
  throw new BlobCopyError({ code: 'mismatch', side: 'target', message });
}

/** Blocks that were staged can be gone at the commit; they are staged again. */
async function again<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let staging = 1; ; staging += 1) {
    try {
      return await work();
    } catch (error) {
      const gone = error instanceof BlobCopyError && error.serviceCode === 'InvalidBlockList';
      if (!gone || staging === stagings) throw error;
    }
  }
}

/**
 * Whether streaming may do what the service did not: it must not read the source (a firewall, another cloud), does not
 * know the operation, or took too long. A changed source and an unreachable target stay what they are.
 */
function mayStreamInstead(error: unknown): boolean {
  if (!(error instanceof BlobCopyError)) return false;
  return error.code !== 'source-changed' && error.code !== 'canceled' && error.code !== 'network';
}

/** An answer that the next blob would get too, if streaming works. */
function isRefusal(error: unknown): boolean {
  const codes: readonly unknown[] = ['refused', 'forbidden', 'not-found'];
  return error instanceof BlobCopyError && codes.includes(error.code);
}

function defined<Properties extends object>(
  properties: Properties,
): { [Key in keyof Properties]?: NonNullable<Properties[Key]> } {
  return Object.fromEntries(
    Object.entries(properties).filter(([, value]) => value !== undefined && value !== ''),
  ) as { [Key in keyof Properties]?: NonNullable<Properties[Key]> };
}
