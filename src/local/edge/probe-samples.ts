import type { OriginState, OriginStatus } from '../../web/edge-status.ts';
import { OriginFailure } from './origin-failure.ts';
import type { Origin } from './origin.ts';
import { probe } from './probe.ts';
import type { OnStateChange, Routing } from './routing.ts';
import type { ProbeSampleTimings } from './timings.ts';

interface Samples {
  /** The newest last. */
  results: boolean[];
  state: OriginState;
  since: OriginStatus['since'];
  lastFailure: OriginStatus['lastFailure'];
  nextProbe: OriginStatus['nextProbe'];
}

/**
 * Front Door's way: each data center is probed all the time, and is healthy while enough of its last samples
 * succeeded. Requests teach it nothing. With none healthy, all are used in turn.
 * https://learn.microsoft.com/azure/frontdoor/health-probes
 */
export class ProbeSamples implements Routing {
  readonly #samples: ReadonlyMap<Origin, Samples>;
  readonly #timings: ProbeSampleTimings;
  readonly #probePath: string;
  readonly #changed: OnStateChange;
  readonly #closing = new AbortController();
  readonly #timers = new Map<Origin, NodeJS.Timeout>();
  #turn = 0;

  /** `origins` in order of priority; each is healthy until its probes tell otherwise. */
  constructor(
    origins: readonly Origin[],
    timings: ProbeSampleTimings,
    probePath: string,
    changed: OnStateChange,
  ) {
    this.#samples = new Map(
      origins.map((origin) => [
        origin,
        {
          results: Array.from({ length: timings.sampleSize }, () => true),
          state: 'serving',
          since: new Date().toISOString(),
          lastFailure: null,
          nextProbe: null,
        },
      ]),
    );
    this.#timings = timings;
    this.#probePath = probePath;
    this.#changed = changed;
    for (const origin of origins) void this.#probe(origin);
  }

  candidates(): readonly Origin[] {
    const origins = [...this.#samples.keys()];
    const healthy = origins.filter((origin) => this.#of(origin).state === 'serving');
    if (healthy.length > 0) return healthy;
    const turn = this.#turn++ % origins.length;
    return [...origins.slice(turn), ...origins.slice(0, turn)];
  }

  preferred(): Origin['key'] | undefined {
    return [...this.#samples].find(([, samples]) => samples.state === 'serving')?.[0].key;
  }

  succeeded(): void {
    // Only probes count.
  }

  failed(origin: Origin, failure: OriginFailure): void {
    this.#of(origin).lastFailure = { at: new Date().toISOString(), kind: failure.code };
  }

  health(origin: Origin): OriginStatus {
    const { state, since, lastFailure, nextProbe } = this.#of(origin);
    return { state, since, lastFailure, nextProbe };
  }

  close(): void {
    this.#closing.abort();
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #of(origin: Origin): Samples {
    const samples = this.#samples.get(origin);
    if (samples === undefined) throw new Error(`Data center ${origin.key} is not one of this edge's`);
    return samples;
  }

  async #probe(origin: Origin): Promise<void> {
    const samples = this.#of(origin);
    const { probeInterval, probeLimit, sampleSize, successfulSamples } = this.#timings;
    samples.nextProbe = new Date(Date.now() + probeInterval).toISOString();
    this.#timers.set(
      origin,
      setTimeout(() => void this.#probe(origin), probeInterval),
    );
    let failure: OriginFailure | undefined;
    try {
      await probe(origin, this.#probePath, probeLimit, this.#closing.signal);
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      if (!(error instanceof OriginFailure)) throw error;
      failure = error;
      samples.lastFailure = { at: new Date().toISOString(), kind: error.code };
    }
    samples.results = [...samples.results, failure === undefined].slice(-sampleSize);
    const succeeded = samples.results.filter(Boolean).length;
    const state = succeeded >= successfulSamples ? 'serving' : succeeded > 0 ? 'returning' : 'resting';
    const previous = samples.state;
    // "returning" is on the way up only: losing one sample after another is "resting" at once.
    samples.state = state === 'returning' && failure !== undefined ? 'resting' : state;
    if (samples.state !== previous) {
      samples.since = new Date().toISOString();
      this.#changed(origin, samples.state, failure);
    }
  }
}
