import type { Failure } from '../streams/errors.ts';
import { toFailure } from './failures.ts';

/** So many streams in a row that cannot be read for now say that it is not the streams. */
const mostInRow = 16;

/**
 * Looks at one stream after the other, and tells trouble with a stream, which leaves the others alone, from trouble
 * with a whole data center, which ends the looking: when nothing answers any more.
 */
export class StreamLooks {
  #answered = false;
  #inRow = 0;
  #trouble: unknown;

  /** Never rejects; answers with why this stream could not be read, or undefined. */
  async at(look: () => Promise<void>): Promise<Failure | undefined> {
    try {
      await look();
      this.#answered = true;
      this.#inRow = 0;
      return undefined;
    } catch (error) {
      const failure = toFailure(error);
      if (failure.retriable) {
        this.#inRow += 1;
        this.#trouble = error;
      }
      return failure;
    }
  }

  /** Whether to look no further. */
  get areOver(): boolean {
    return this.#inRow >= mostInRow;
  }

  /** @throws what the last look failed with, when a data center cannot be asked */
  end(): void {
    if (this.areOver || (this.#inRow > 0 && !this.#answered)) throw this.#trouble;
  }
}
