import { createHash } from 'node:crypto';
import type { BlobSummary, ContainerSasUrl } from './container-sas.ts';
import { openContainer, summaryOf } from './container.ts';
import type { Side } from './errors.ts';
import { readRange } from './read-range.ts';
import { defaultLimits, repeated, type RequestLimits } from './requests.ts';

export interface BlobHash extends BlobSummary {
  /** Hex, of the bytes as they were read. */
  readonly bytesMd5: string;
}

/**
 * Reads a whole blob and gives its MD5 beside its properties, in memory that does not depend on its size.
 * @throws BlobCopyError `source-changed` when the blob is replaced meanwhile
 */
export async function hashBlob(
  container: ContainerSasUrl,
  name: string,
  options: {
    /** What the container is to the copy, as messages name it. */
    readonly side: Side;
    readonly signal?: AbortSignal;
    readonly limits?: RequestLimits;
    /** Bytes so far. */
    readonly onProgress?: (bytes: number) => void;
  },
): Promise<BlobHash> {
  const blob = openContainer(container).getBlobClient(name);
  const request = {
    side: options.side,
    doing: `Reading "${name}"`,
    signal: options.signal,
    limits: options.limits ?? defaultLimits,
  };
  const summary = summaryOf(
    name,
    await repeated(request, ({ signal }) => blob.getProperties({ abortSignal: signal })),
  );
  const hash = createHash('md5');
  let done = 0;
  await readRange(blob, { offset: 0, count: summary.size, etag: summary.etag }, request, (bytes) => {
    hash.update(bytes);
    done += bytes.length;
    options.onProgress?.(done);
  });
  return { ...summary, bytesMd5: hash.digest('hex') };
}
