import { optionsFor, type BlobJob } from './blob-job.ts';
import type { Block } from './blocks.ts';
import { sourceMd5Metadata } from './container.ts';
import { BlobCopyError } from './errors.ts';
import { repeated } from './requests.ts';

/** The ids of those blocks that an earlier attempt has staged at the target and not committed. */
export async function stagedBlocks(job: BlobJob, blocks: readonly Block[]): Promise<ReadonlySet<string>> {
  const wanted = new Map(blocks.map(({ id, count }) => [id, count]));
  try {
    const { uncommittedBlocks = [] } = await repeated(
      optionsFor(job, 'target', 'Looking for earlier blocks of'),
      ({ signal }) => job.to.getBlockList('uncommitted', { abortSignal: signal }),
    );
    return new Set(uncommittedBlocks.flatMap(({ name, size }) => (wanted.get(name) === size ? [name] : [])));
  } catch (error) {
    // A blob of which there is nothing yet.
    if (error instanceof BlobCopyError && error.serviceCode === 'BlobNotFound') return new Set();
    throw error;
  }
}

/** Makes the staged blocks the blob, with its content headers, MD5 and metadata. */
export async function commit(job: BlobJob, blocks: readonly Block[], md5: string | undefined): Promise<void> {
  await repeated(optionsFor(job, 'target', 'Committing'), ({ signal }) =>
    job.to.commitBlockList(
      blocks.map(({ id }) => id),
      {
        abortSignal: signal,
        blobHTTPHeaders: withMd5(job, md5),
        metadata: md5 === undefined ? job.metadata : { ...job.metadata, [sourceMd5Metadata]: md5 },
      },
    ),
  );
}

export function withMd5(job: BlobJob, md5: string | undefined): BlobJob['headers'] {
  return md5 === undefined ? job.headers : { ...job.headers, blobContentMD5: Buffer.from(md5, 'hex') };
}
