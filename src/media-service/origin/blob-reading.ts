import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { StorageUnavailableError } from '../errors.ts';
import type { AssetId } from '../model.ts';
import { BlobChangedError, type PublishedBlob, type PublishedContent } from './published-content.ts';

/** The storage is given up when it sends nothing for so long, milliseconds. */
const stallLimit = 10_000;

/**
 * What the storage answers to a short question, given up after the stall limit.
 * @throws StorageUnavailableError
 */
export async function ask<Result>(question: Promise<Result>): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StorageUnavailableError('The storage does not answer.')), stallLimit);
  });
  try {
    return await Promise.race([question, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** A blob of an asset, at the version that the asset's listing showed. */
export interface BlobVersion {
  readonly assetId: AssetId;
  readonly blob: PublishedBlob;
}

/** Names a version of a blob in a cache. */
export function versionKey({ assetId, blob }: BlobVersion): string {
  return `${assetId}/${blob.name}/${blob.etag}`;
}

/**
 * A range of a blob, piece by piece; ends after exactly `count` bytes.
 * @throws StorageUnavailableError when the storage stalls or sends less or more
 * @throws BlobChangedError
 */
export async function* readPieces(
  content: PublishedContent,
  { assetId, blob }: BlobVersion,
  offset: number,
  count: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (count === 0) return;
  const stalled = new AbortController();
  const stall = (): void => stalled.abort(new StorageUnavailableError('The storage sends nothing any more.'));
  let timer = setTimeout(stall, stallLimit);
  const limited = AbortSignal.any([signal, stalled.signal]);
  let left = count;
  try {
    const stream = await content.read(assetId, blob.name, { offset, count, etag: blob.etag }, limited);
    const giveUp = (): void => {
      if (stream instanceof Readable) stream.destroy(limited.reason as Error);
    };
    limited.addEventListener('abort', giveUp, { once: true });
    if (limited.aborted) giveUp();
    for await (const piece of stream) {
      clearTimeout(timer);
      const bytes = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
      left -= bytes.length;
      if (left < 0) break;
      yield bytes;
      timer = setTimeout(stall, stallLimit);
    }
  } catch (error) {
    limited.throwIfAborted();
    if (error instanceof BlobChangedError || error instanceof StorageUnavailableError) throw error;
    throw new StorageUnavailableError('A read from the storage broke.', { cause: error });
  } finally {
    clearTimeout(timer);
  }
  if (left !== 0) throw new StorageUnavailableError('The storage sent another length than was asked for.');
}

/**
 * A range of a blob in one buffer of its own.
 * @throws StorageUnavailableError
 * @throws BlobChangedError
 */
export async function readWhole(
  content: PublishedContent,
  version: BlobVersion,
  offset: number,
  count: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const whole = Buffer.allocUnsafeSlow(count);
  let filled = 0;
  for await (const piece of readPieces(content, version, offset, count, signal)) {
    filled += piece.copy(whole, filled);
  }
  return whole;
}

/** The MD5 of a blob's content in hex, by reading it once: for a blob whose properties have none. */
export async function hashBlob(
  content: PublishedContent,
  version: BlobVersion,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('md5');
  for await (const piece of readPieces(content, version, 0, version.blob.size, signal)) hash.update(piece);
  return hash.digest('hex');
}
