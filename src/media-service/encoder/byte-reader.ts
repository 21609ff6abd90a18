import { MalformedMediaError } from '../boxes/malformed-media.ts';

/** Reads exact numbers of bytes from a stream; holds no more than was asked for and one chunk. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /**
   * The next `count` bytes; undefined when the stream has ended before the first of them.
   * @throws MalformedMediaError when it ends in the middle
   */
  async read(count: number): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let missing = count;
    while (missing > 0) {
      if (this.#rest.length === 0) {
        const next = await this.#source.next();
        if (next.done === true) {
          if (missing === count) return undefined;
          throw new MalformedMediaError('The stream ended inside a box.');
        }
        this.#rest = next.value;
      }
      const chunk = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(chunk.length);
      missing -= chunk.length;
      chunks.push(chunk);
    }
    const [only] = chunks;
    return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
  }

  /**
   * The next `count` bytes.
   * @throws MalformedMediaError when the stream ends before
   */
  async need(count: number): Promise<Buffer> {
    const bytes = count === 0 ? Buffer.alloc(0) : await this.read(count);
    if (bytes === undefined) throw new MalformedMediaError('The stream ended inside a box.');
    return bytes;
  }
}
