import { optionsFor, type BlobJob, type WrittenBlob } from './blob-job.ts';
import { blocksOf } from './blocks.ts';
import { hex, onlyWhileSourceIs } from './container.ts';
import { inLanes } from './lanes.ts';
import { repeated } from './requests.ts';
import { commit, stagedBlocks, withMd5 } from './staged-blocks.ts';

/** Copy Blob From URL takes no larger source. */
export const largestWhole = 256 * 2 ** 20;
const parallel = 8;

/**
 * Copy Blob From URL: the target's service reads the source by its SAS and copies the content headers and the
 * Content-MD5 too.
 * @throws BlobCopyError also when the service may or can not read the source, which is no fault of the blob
 */
export async function copyWholeServerSide(job: BlobJob): Promise<WrittenBlob | undefined> {
  const options = optionsFor(job, 'target', 'Copying', job.version.size);
  const { contentMD5, etag } = await repeated(options, ({ signal }) =>
    job.to.syncCopyFromURL(job.from.url, {
      abortSignal: signal,
      metadata: job.metadata,
      sourceConditions: { ifMatch: job.version.etag },
      ...(job.md5 === undefined ? {} : { sourceContentMD5: Buffer.from(job.md5, 'hex') }),
    }),
  );
  const written = { md5: hex(contentMD5), etag };
  // A source whose MD5 is known only from elsewhere has none to be copied.
  const lacksMd5 = job.md5 !== undefined && job.version.md5 === undefined;
  if (lacksMd5) {
    await repeated(options, ({ signal }) =>
      job.to.setHTTPHeaders(withMd5(job, job.md5), { abortSignal: signal }),
    );
  }
  job.progressed(job.version.size);
  return lacksMd5 ? undefined : written;
}

/**
 * Put Block From URL, each with the condition that the source is still the same; goes on from what is staged already.
 * @throws BlobCopyError as `copyWholeServerSide`
 */
export async function copyBlocksServerSide(job: BlobJob): Promise<undefined> {
  const blocks = blocksOf(job.version, job.blockSize);
  const staged = await stagedBlocks(job, blocks);
  let done = blocks.reduce((sum, { id, count }) => sum + (staged.has(id) ? count : 0), 0);
  job.progressed(done);
  const to = onlyWhileSourceIs(job.version.etag, job.to);
  const missing = blocks.filter(({ id }) => !staged.has(id));
  await inLanes(missing, parallel, job.signal, async ({ id, offset, count }, { signal: ended }) => {
    await repeated({ ...optionsFor(job, 'target', 'Copying', count), signal: ended }, ({ signal }) =>
      to.stageBlockFromURL(id, job.from.url, offset, count, { abortSignal: signal }),
    );
    done += count;
    job.progressed(done);
  });
  await commit(job, blocks, job.md5);
}
