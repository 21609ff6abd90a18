import type { Log } from '../log.ts';
import type { ContentProbe } from '../origin/probe.ts';
import type { PublishedContent } from '../origin/published-content.ts';

export interface ContentHealth {
  readonly healthy: boolean;
  readonly reason?: 'storage-unavailable' | 'endpoint-not-running' | 'content-fails';
  readonly sampled: number;
  readonly failed: number;
}

export interface ContentHealthOptions {
  /** A state of the streaming endpoint that was asked of the storage just now. */
  readonly endpointState: () => Promise<string>;
  readonly content: Pick<PublishedContent, 'sample'>;
  readonly probe: (locatorGuid: string) => Promise<ContentProbe>;
  readonly log: Log;
  readonly now?: () => number;
}

const sampleSize = 5;
/** Several samples must fail, in several rounds in a row: one bad film is no reason to take an origin away. */
const failuresNeeded = 2;
const roundsNeeded = 3;
/** Milliseconds; health probes come from many places at once. */
const freshness = 2000;

/**
 * Whether this origin can serve what it has published: unhealthy when the storage or the streaming endpoint is not
 * there, or when most of several samples fail again and again. An empty library is healthy. Why it is unhealthy is
 * logged once per change, as probes come every few seconds.
 */
export class ContentHealthCheck {
  readonly #options: ContentHealthOptions;
  readonly #now: () => number;
  #last: { readonly at: number; readonly health: Promise<ContentHealth> } | undefined;
  #failedRounds = 0;
  #lastReason: ContentHealth['reason'];

  constructor(options: ContentHealthOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  async check(): Promise<ContentHealth> {
    if (this.#last === undefined || this.#now() - this.#last.at >= freshness) {
      this.#last = { at: this.#now(), health: this.#round() };
    }
    return this.#last.health;
  }

  async #round(): Promise<ContentHealth> {
    const { endpointState, content, probe } = this.#options;
    const none = { sampled: 0, failed: 0 };
    let samples: readonly string[];
    try {
      const state = await endpointState();
      if (state !== 'Running') {
        return this.#told({ healthy: false, reason: 'endpoint-not-running', ...none }, { state });
      }
      samples = await content.sample(sampleSize);
    } catch (error) {
      return this.#told({ healthy: false, reason: 'storage-unavailable', ...none }, { err: error });
    }
    const outcomes = await Promise.all(samples.map(probe));
    const failures = outcomes.filter((probed) => probed.outcome === 'bad');
    const counts = { sampled: samples.length, failed: failures.length };
    const why = { codes: [...new Set(failures.map(({ code }) => code))] };
    if (failures.some(({ code }) => code === 'storage-unavailable')) {
      return this.#told({ healthy: false, reason: 'storage-unavailable', ...counts }, why);
    }
    const most = failures.length >= failuresNeeded && failures.length * 2 > samples.length;
    this.#failedRounds = most ? this.#failedRounds + 1 : 0;
    return this.#failedRounds >= roundsNeeded
      ? this.#told({ healthy: false, reason: 'content-fails', ...counts }, why)
      : this.#told({ healthy: true, ...counts });
  }

  /** Logs the health where it is another than before. */
  #told(health: ContentHealth, why: object = {}): ContentHealth {
    const { log } = this.#options;
    if (health.reason !== this.#lastReason) {
      if (health.healthy) log.info({ after: this.#lastReason }, 'The content can be served again');
      else log.warn({ ...health, ...why }, 'The content cannot be served');
    }
    this.#lastReason = health.reason;
    return health;
  }
}
