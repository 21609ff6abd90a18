import { createHash } from 'node:crypto';
import type { Range } from './read-range.ts';

const mebibyte = 2 ** 20;
/** Limits of a block blob (Put Block, Put Block List). */
const mostBlocks = 50_000;
const largestBlock = 4000 * mebibyte;
export const defaultBlockSize = 8 * mebibyte;

export interface Block extends Range {
  /** As it travels: base64. */
  readonly id: string;
}

/** Bytes a block: `least`, or what a huge blob needs to stay within 50,000 blocks; undefined when none is enough. */
export function blockSizeFor(size: number, least = defaultBlockSize): number | undefined {
  const needed = Math.ceil(size / mostBlocks / mebibyte) * mebibyte;
  const blockSize = Math.max(least, needed);
  return blockSize > largestBlock ? undefined : blockSize;
}

/**
 * The blocks of one version of a blob. An id tells the version and the place, so that a later attempt finds what an
 * earlier one has staged, and blocks of another version never get into the list.
 */
export function blocksOf(
  blob: { readonly name: string; readonly etag: string; readonly size: number },
  blockSize: number,
): readonly Block[] {
  const version = createHash('sha256')
    .update(JSON.stringify([blob.name, blob.etag, blob.size, blockSize]))
    .digest()
    .subarray(0, 24);
  return Array.from({ length: Math.ceil(blob.size / blockSize) }, (_, index) => {
    const offset = index * blockSize;
    const place = Buffer.alloc(8);
    place.writeBigUInt64BE(BigInt(offset));
    return {
      id: Buffer.concat([version, place]).toString('base64'),
      offset,
      count: Math.min(blockSize, blob.size - offset),
    };
  });
}
