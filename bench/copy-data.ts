/** What is copied: many small blobs, and a large one. */
import { createHash, randomBytes } from 'node:crypto';
import type { ContainerClient } from '@azure/storage-blob';
import { inLanes } from '../src/blob-copy/lanes.ts';

/** Bytes. */
export const blockSize = 8 * 2 ** 20;

/** Puts so many blobs of 4 KiB into a container. */
export async function uploadMany(container: ContainerClient, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => `blob-${String(index).padStart(6, '0')}`);
  await inLanes(names, 16, undefined, async (name) => {
    await container.getBlockBlobClient(name).upload(randomBytes(4096), 4096);
  });
}

/** Puts one blob of so many blocks into a container; answers its MD5 (hex), which the blob declares too. */
export async function uploadLarge(container: ContainerClient, blocks: number): Promise<string> {
  const blob = container.getBlockBlobClient('large.mp4');
  const block = randomBytes(blockSize);
  const transactionalContentMD5 = createHash('md5').update(block).digest();
  const whole = createHash('md5');
  const ids = Array.from({ length: blocks }, (_, index) =>
    Buffer.from(String(index).padStart(6, '0')).toString('base64'),
  );
  await inLanes(ids, 4, undefined, async (id) => {
    whole.update(block);
    await blob.stageBlock(id, block, block.length, { transactionalContentMD5 });
  });
  const blobContentMD5 = whole.digest();
  await blob.commitBlockList(ids, { blobHTTPHeaders: { blobContentMD5 } });
  return blobContentMD5.toString('hex');
}
