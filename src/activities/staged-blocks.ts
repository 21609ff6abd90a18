import { createHash } from 'node:crypto';
import { RestError, type BlockBlobClient } from '@azure/storage-blob';

/** Bytes; what is staged when a reading is broken off is shorter. */
export const blockSize = 8 * 2 ** 20;

/** Cuts a stream's chunks into blocks. */
export class BlockCutter {
  #parts: Buffer[] = [];
  #length = 0;

  /** The blocks that are whole with this chunk. */
  *push(chunk: Buffer): Generator<Buffer> {
    let left = chunk;
    while (this.#length + left.length >= blockSize) {
      const part = left.subarray(0, blockSize - this.#length);
      left = left.subarray(part.length);
      const block = Buffer.concat([...this.#parts, part]);
      this.#parts = [];
      this.#length = 0;
      yield block;
    }
    this.#parts.push(left);
    this.#length += left.length;
  }

  /** What is left. */
  rest(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** A file's beginning, as blocks that wait to be committed. */
export interface StagedBlocks {
  /** Of the file they are of; see `versionOf`. */
  readonly version: string;
  readonly ids: readonly string[];
  readonly bytes: number;
}

const versionLength = 16;
const pattern = /^([0-9a-f]{16})-(\d{13})-(\d{7})$/;

/** Stands in the blocks' ids, so that blocks of different versions of a file are never mixed. */
export function versionOf(validator: string | undefined, size: number | undefined): string {
  const text = `${validator ?? `unknown ${Date.now()}`} ${size ?? ''}`;
  return createHash('sha256').update(text).digest('hex').slice(0, versionLength);
}

/**
 * Tells all of a block's content: its file's version, its place and its length. Two executions that overlap may cut a
 * file at different places, and still never replace a block of each other by another one.
 */
export function blockId(version: string, offset: number, length: number): string {
  const place = `${String(offset).padStart(13, '0')}-${String(length).padStart(7, '0')}`;
  return Buffer.from(`${version}-${place}`).toString('base64');
}

/**
 * The blocks that wait, by the version of the file they are of: of each as far as they follow without a gap.
 * @throws RestError: that the storage does not tell is not that there are none, and a large input would begin anew
 */
export async function stagedBlocks(
  blob: BlockBlobClient,
  abortSignal: AbortSignal,
): Promise<ReadonlyMap<string, StagedBlocks>> {
  const list = await blob.getBlockList('uncommitted', { abortSignal }).catch((error: unknown) => {
    if (error instanceof RestError && error.statusCode === 404) return undefined;
    throw error;
  });
  const lengths = new Map<string, Map<number, number>>();
  for (const { name } of list?.uncommittedBlocks ?? []) {
    const [, version, offset, length] = pattern.exec(Buffer.from(name, 'base64').toString()) ?? [];
    if (version === undefined) continue;
    const known = lengths.get(version) ?? new Map<number, number>();
    known.set(Number(offset), Math.max(known.get(Number(offset)) ?? 0, Number(length)));
    lengths.set(version, known);
  }
  return new Map([...lengths].map(([version, known]) => [version, chainOf(version, known)]));
}

function chainOf(version: string, lengths: ReadonlyMap<number, number>): StagedBlocks {
  const ids: string[] = [];
  let bytes = 0;
  for (let length = lengths.get(0); length !== undefined; length = lengths.get(bytes)) {
    ids.push(blockId(version, bytes, length));
    bytes += length;
  }
  return { version, ids, bytes };
}
