import type { Failure } from '../streams/errors.ts';

/** Seconds before the second, third, … try. */
const pauses = [1, 2, 4, 8, 15, 30];
/** Milliseconds. */
const longestPause = 10 * 60_000;
/** Trouble that lasts is looked at more seldom: every try stays in the durable history. */
const shareOfTrouble = 1 / 24;
/** A step that takes long is cut off by every restart of its host: that says nothing of how long it may take. */
const triesWhenLost = 5;

/** Failures in a row: decides when to try again, and when that has been enough. */
export class Trouble {
  readonly #patience: number;
  #since: number | undefined;
  #retry = 0;
  #lost = 0;

  /** @param minutes for which it may fail, from the first failure on */
  constructor(minutes: number) {
    this.#patience = minutes * 60_000;
  }

  /** Something has succeeded: what fails from now on is new trouble. */
  over(): void {
    this.#since = undefined;
    this.#retry = 0;
    this.#lost = 0;
  }

  /** Undefined: it is not to be tried again. */
  nextTry(now: Date, { code, retriable }: Failure): Date | undefined {
    this.#since ??= now.getTime();
    const lasted = now.getTime() - this.#since;
    const pause = pauseBefore(this.#retry, lasted);
    this.#retry += 1;
    if (code === 'activity-lost') this.#lost += 1;
    const isLost = code === 'activity-lost' && this.#lost < triesWhenLost;
    if (!retriable || (lasted + pause > this.#patience && !isLost)) return undefined;
    return new Date(now.getTime() + pause);
  }
}

function pauseBefore(retry: number, lasted: number): number {
  const usual = (pauses[Math.min(retry, pauses.length - 1)] ?? 30) * 1000;
  return Math.round(Math.min(longestPause, Math.max(usual, lasted * shareOfTrouble)));
}
