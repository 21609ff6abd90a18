import type { RunId } from '../streams/stream-id.ts';

/** Milliseconds: a run that has not asked again for so long does not wait any more, or waits in another process. */
const longestSilence = 30_000;

/**
 * Lets a few take-ins at a time run in this process: they last as long as somebody else's server likes, and the
 * other steps need the process as well. Whoever finds no slot asks again; the one that has waited longest comes first.
 */
export class TakeInSlots {
  readonly #most: number;
  readonly #now: () => number;
  #busy = 0;
  /** When each one asked last, in the order of their first asking. */
  readonly #waiting = new Map<RunId, number>();

  constructor(most: number, now: () => number = Date.now) {
    this.#most = most;
    this.#now = now;
  }

  /** Does `work` in a slot; undefined when there is none for this run now. */
  async use<Result>(runId: RunId, work: () => Promise<Result>): Promise<Result | undefined> {
    if (!this.#admits(runId)) return undefined;
    this.#busy += 1;
    try {
      return await work();
    } finally {
      this.#busy -= 1;
    }
  }

  #admits(runId: RunId): boolean {
    const now = this.#now();
    for (const [id, asked] of this.#waiting) if (now - asked > longestSilence) this.#waiting.delete(id);
    const ids = [...this.#waiting.keys()];
    const before = ids.includes(runId) ? ids.indexOf(runId) : ids.length;
    if (this.#busy + before < this.#most) {
      this.#waiting.delete(runId);
      return true;
    }
    this.#waiting.set(runId, now);
    return false;
  }
}
