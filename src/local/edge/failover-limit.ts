import { OriginFailure } from './origin-failure.ts';
import type { Origin } from './origin.ts';

/** Failovers that a data center may fail, one after the other, before they are limited. */
const mostInVain = 10;
/** Of limited failovers so many run at a time: they find out when it is well again. */
const mostTrials = 4;

interface Tries {
  inVain: number;
  running: number;
}

/**
 * Bounds what is asked twice. While failovers succeed there is no limit: all viewers of one data center may have to go
 * to the other at the same moment. When that one fails them too, asking it would only double the load that may have
 * slowed both; the first success lifts the limit.
 */
export class FailoverLimit {
  readonly #tries = new Map<Origin, Tries>();

  /**
   * Runs a request that another data center has failed; undefined when it is not to be asked now.
   * @throws what `request` throws; an OriginFailure counts against the data center
   */
  async run<Answer>(origin: Origin, request: () => Promise<Answer>): Promise<Answer | undefined> {
    const tries = this.#triesOf(origin);
    if (tries.inVain >= mostInVain && tries.running >= mostTrials) return undefined;
    tries.running += 1;
    try {
      const answer = await request();
      tries.inVain = 0;
      return answer;
    } catch (error) {
      if (error instanceof OriginFailure) tries.inVain += 1;
      throw error;
    } finally {
      tries.running -= 1;
    }
  }

  #triesOf(origin: Origin): Tries {
    const found = this.#tries.get(origin) ?? { inVain: 0, running: 0 };
    this.#tries.set(origin, found);
    return found;
  }
}
