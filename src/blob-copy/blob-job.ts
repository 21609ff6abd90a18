import type { BlobClient, BlobHTTPHeaders, BlockBlobClient, Metadata } from '@azure/storage-blob';
import type { BlobSummary } from './container-sas.ts';
import type { RequestSubject } from './errors.ts';
import type { RequestLimits, RequestOptions } from './requests.ts';

/** One blob being copied: what both ways of copying work on. */
export interface BlobJob {
  readonly from: BlobClient;
  readonly to: BlockBlobClient;
  /** The version that is copied. */
  readonly version: BlobSummary;
  /** Hex; what the copied bytes must have, when it is known. */
  readonly md5: string | undefined;
  readonly headers: BlobHTTPHeaders;
  readonly metadata: Metadata;
  /** Bytes a block. */
  readonly blockSize: number;
  readonly limits: RequestLimits;
  readonly signal: AbortSignal | undefined;
  /** Bytes so far; may be told less than before when the way of copying changes. */
  readonly progressed: (bytes: number) => void;
}

/** What the target's service answered to the request that made the blob. */
export interface WrittenBlob {
  /** Hex, of the bytes that it got; undefined when it has not hashed them. */
  readonly md5: string | undefined;
  readonly etag: string | undefined;
}

/** Bytes a millisecond; a slower transfer whose progress cannot be seen counts as none. */
const slowest = 2 ** 20 / 1000;

/** `unseen`: bytes that one request moves without telling how far it is. */
export function optionsFor(
  job: BlobJob,
  side: RequestSubject['side'],
  doing: string,
  unseen = 0,
): RequestOptions {
  return {
    side,
    doing: `${doing} "${job.version.name}"`,
    signal: job.signal,
    limits: { ...job.limits, stall: job.limits.stall + unseen / slowest },
  };
}
