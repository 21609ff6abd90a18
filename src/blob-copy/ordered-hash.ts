import { createHash, type Hash } from 'node:crypto';

/** The MD5 of a whole whose parts arrive in any order. A part is kept by whoever brings it until its turn has come. */
export class OrderedHash {
  readonly #hash: Hash = createHash('md5');
  readonly #waiting = new Map<number, { readonly bytes: Uint8Array; readonly done: () => void }>();
  #next = 0;

  /**
   * Resolves when the part at `offset` is hashed and its memory is free: true, or false when `signal` has ended the
   * waiting.
   */
  async add(offset: number, bytes: Uint8Array, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const abort = (): void => {
        this.#waiting.delete(offset);
        resolve(false);
      };
      if (signal.aborted) {
        abort();
        return;
      }
      signal.addEventListener('abort', abort, { once: true });
      const done = (): void => {
        signal.removeEventListener('abort', abort);
        resolve(true);
      };
      this.#waiting.set(offset, { bytes, done });
      this.#drain();
    });
  }

  /** Hex, once every part is in. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  #drain(): void {
    for (;;) {
      const part = this.#waiting.get(this.#next);
      if (part === undefined) return;
      this.#waiting.delete(this.#next);
      this.#hash.update(part.bytes);
      this.#next += part.bytes.length;
      part.done();
    }
  }
}
