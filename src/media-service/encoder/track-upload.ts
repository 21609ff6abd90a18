import type { BlockBlobClient, ContainerClient } from '@azure/storage-blob';
import { createHash, randomBytes } from 'node:crypto';
import type { EncodedFile } from './encoding-queue.ts';

/** Fragments are gathered into blocks of at least this size: two hours at 7 Mbps make 1,600 of the 50,000 allowed. */
const blockSize = 4 * 2 ** 20;
/** Bytes read back at a time. */
const readSize = 4 * 2 ** 20;

/**
 * One file of the output, staged as uncommitted blocks while it is made: nothing of it can be seen before `commit`,
 * and what is never committed vanishes. Holds two blocks in memory: the one being filled and the one being staged.
 *
 * Block ids carry a random part, so that an encoder that has lost its lease and one that has taken the job up never
 * write each other's blocks; whoever commits drops the other's.
 */
export class TrackUpload {
  readonly name: string;
  readonly #blob: BlockBlobClient;
  readonly #mimeType: string;
  readonly #signal: AbortSignal;
  readonly #run = randomBytes(12);
  readonly #bodyBlocks: string[] = [];
  #pending: Buffer[] = [];
  #pendingSize = 0;
  #staging: Promise<void> = Promise.resolve();
  #headBlocks: string[] = [];
  #nextBlock = 0;
  #size = 0;

  constructor(container: ContainerClient, name: string, mimeType: string, signal: AbortSignal) {
    this.name = name;
    this.#blob = container.getBlockBlobClient(name);
    this.#mimeType = mimeType;
    // Of its own, for each request listens to it: the tracks of a job together would be a crowd.
    this.#signal = AbortSignal.any([signal]);
  }

  /** Adds bytes to the end; resolves when there is room for more. */
  async append(bytes: readonly Buffer[]): Promise<void> {
    for (const part of bytes) this.#pendingSize += part.length;
    this.#pending.push(...bytes);
    if (this.#pendingSize >= blockSize) await this.#flush();
  }

  /** Stages what is left, and `head` to stand before all that was appended. */
  async finish(head: readonly Buffer[]): Promise<void> {
    if (this.#pendingSize > 0) await this.#flush();
    await this.#staging;
    this.#headBlocks = [await this.#stage(Buffer.concat(head))];
  }

  /** Makes the whole file visible at once, over any earlier one of that name. */
  async commit(): Promise<void> {
    await this.#blob.commitBlockList([...this.#headBlocks, ...this.#bodyBlocks], {
      blobHTTPHeaders: { blobContentType: this.#mimeType },
      abortSignal: this.#signal,
    });
  }

  /**
   * Reads the committed file back and gives it the MD5 of what storage really holds.
   * @param onBytes told of every part that was read
   */
  async seal(onBytes: (count: number) => void): Promise<EncodedFile> {
    const hash = createHash('md5');
    const { etag } = await this.#blob.getProperties({ abortSignal: this.#signal });
    for (let offset = 0; offset < this.#size; offset += readSize) {
      const count = Math.min(readSize, this.#size - offset);
      const part = await this.#blob.downloadToBuffer(offset, count, {
        conditions: { ifMatch: etag ?? '*' },
        abortSignal: this.#signal,
        blockSize: readSize,
      });
      hash.update(part);
      onBytes(count);
    }
    const md5 = hash.digest();
    await this.#blob.setHTTPHeaders(
      { blobContentType: this.#mimeType, blobContentMD5: md5 },
      { conditions: { ifMatch: etag ?? '*' }, abortSignal: this.#signal },
    );
    return { name: this.name, size: this.#size, md5: md5.toString('hex'), mimeType: this.#mimeType };
  }

  /** Takes the committed file back. */
  async remove(): Promise<void> {
    await this.#blob.deleteIfExists();
  }

  /** Bytes staged so far. */
  get size(): number {
    return this.#size;
  }

  async #flush(): Promise<void> {
    const block = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingSize = 0;
    await this.#staging;
    this.#staging = this.#stage(block).then((id) => {
      this.#bodyBlocks.push(id);
    });
    // The next flush or finish awaits it and sees the failure; until then it is not unhandled.
    this.#staging.catch(() => undefined);
  }

  async #stage(block: Buffer): Promise<string> {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(this.#nextBlock++);
    const id = Buffer.concat([this.#run, number]).toString('base64');
    this.#size += block.length;
    await this.#blob.stageBlock(id, block, block.length, {
      transactionalContentMD5: createHash('md5').update(block).digest(),
      abortSignal: this.#signal,
    });
    return id;
  }
}
