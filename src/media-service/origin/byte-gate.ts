import type { Client } from './bounded-cache.ts';

/** Lets in so many bytes at a time, in the order of asking; what alone is more gets in when nothing else is. */
export class ByteGate {
  readonly #limit: number;
  readonly #waiting = new Set<{ readonly bytes: number; readonly enter: () => void }>();
  #inside = 0;

  /** @param limit bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Does work that holds `bytes` of memory, when there is room.
   * @throws the reason of the client's signal when it goes while waiting
   */
  async pass<Result>(bytes: number, client: Client, work: () => Promise<Result>): Promise<Result> {
    if (this.#waiting.size > 0 || !this.#hasRoom(bytes)) await this.#wait(bytes, client.signal);
    else this.#inside += bytes;
    try {
      return await work();
    } finally {
      this.#inside -= bytes;
      this.#letIn();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#inside === 0 || this.#inside + bytes <= this.#limit;
  }

  #wait(bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(place);
        reject(signal.reason as Error);
        this.#letIn();
      };
      const place = {
        bytes,
        enter: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      this.#waiting.add(place);
      if (signal.aborted) leave();
      else signal.addEventListener('abort', leave, { once: true });
    });
  }

  #letIn(): void {
    for (const place of this.#waiting) {
      if (!this.#hasRoom(place.bytes)) return;
      this.#waiting.delete(place);
      this.#inside += place.bytes;
      place.enter();
    }
  }
}
