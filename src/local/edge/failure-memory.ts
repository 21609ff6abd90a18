import type { FailureKind, OriginState, OriginStatus } from '../../web/edge-status.ts';
import { OriginFailure } from './origin-failure.ts';
import type { Origin } from './origin.ts';
import { probe } from './probe.ts';
import type { OnStateChange, Routing } from './routing.ts';
import type { FailureMemoryTimings } from './timings.ts';

interface Memory {
  state: OriginState;
  since: OriginStatus['since'];
  lastFailure: OriginStatus['lastFailure'];
  nextProbe: OriginStatus['nextProbe'];
  timer: NodeJS.Timeout | undefined;
  serverErrors: number;
  /** It was slow: while it is probed for that, the other data center comes first. */
  inDoubt: boolean;
  doubts: number;
  lastDoubt: number;
  /** Rests since it was last steady: each is twice as long as the one before. */
  rests: number;
  probesPassed: number;
}

/** Whoever asks for a great deal at once makes any data center slow: only a probe tells whether it hangs. */
const slow: ReadonlySet<FailureKind> = new Set(['silent', 'stalled']);

/**
 * A circuit breaker for each data center. A request that fails makes it rest, or, when it was merely slow, be probed at
 * once and rest if that fails too; after a while it is probed, and when it is well viewers are sent there again. No
 * viewer's request is ever the probe.
 */
export class FailureMemory implements Routing {
  readonly #memories: ReadonlyMap<Origin, Memory>;
  readonly #timings: FailureMemoryTimings;
  readonly #probePath: string;
  readonly #changed: OnStateChange;
  readonly #closing = new AbortController();

  /** `origins` in order of priority. */
  constructor(
    origins: readonly Origin[],
    timings: FailureMemoryTimings,
    probePath: string,
    changed: OnStateChange,
  ) {
    this.#memories = new Map(
      origins.map((origin) => [
        origin,
        {
          state: 'serving',
          since: new Date().toISOString(),
          lastFailure: null,
          nextProbe: null,
          timer: undefined,
          serverErrors: 0,
          inDoubt: false,
          doubts: 0,
          lastDoubt: -Infinity,
          rests: 0,
          probesPassed: 0,
        },
      ]),
    );
    this.#timings = timings;
    this.#probePath = probePath;
    this.#changed = changed;
  }

  /** One that rests may still be asked, last: its health check may be wrong, and there is nothing to lose. */
  candidates(): readonly Origin[] {
    const origins = [...this.#memories.keys()];
    const rank = (origin: Origin): number => {
      const { state, inDoubt } = this.#memory(origin);
      return state !== 'serving' ? 2 : inDoubt ? 1 : 0;
    };
    return origins.sort((one, other) => rank(one) - rank(other));
  }

  preferred(): Origin['key'] | undefined {
    const [first] = this.candidates();
    return first !== undefined && this.#memory(first).state === 'serving' ? first.key : undefined;
  }

  succeeded(origin: Origin): void {
    const memory = this.#memory(origin);
    memory.serverErrors = 0;
    memory.doubts = 0;
  }

  failed(origin: Origin, failure: OriginFailure): void {
    const memory = this.#memory(origin);
    memory.lastFailure = { at: new Date().toISOString(), kind: failure.code };
    if (memory.state !== 'serving') return;
    // A single file's trouble gives a 5xx too; a host that is gone or hangs does so for all.
    if (failure.code === 'server-error') {
      memory.serverErrors += 1;
      if (memory.serverErrors < this.#timings.serverErrors) return;
    }
    if (slow.has(failure.code)) void this.#doubt(origin, memory, failure);
    else this.#restAnew(origin, memory, failure);
  }

  health(origin: Origin): OriginStatus {
    const { state, since, lastFailure, nextProbe } = this.#memory(origin);
    return { state, since, lastFailure, nextProbe };
  }

  close(): void {
    this.#closing.abort();
    for (const memory of this.#memories.values()) clearTimeout(memory.timer);
  }

  #memory(origin: Origin): Memory {
    const memory = this.#memories.get(origin);
    if (memory === undefined) throw new Error(`Data center ${origin.key} is not one of this edge's`);
    return memory;
  }

  async #doubt(origin: Origin, memory: Memory, failure: OriginFailure): Promise<void> {
    if (memory.inDoubt) return;
    memory.inDoubt = true;
    const now = performance.now();
    // Of all the requests that fail at the same time only one counts.
    if (now - memory.lastDoubt >= this.#timings.doubtSpacing) {
      memory.lastDoubt = now;
      memory.doubts += 1;
    }
    const ofProbe = await this.#probeFailure(origin);
    memory.inDoubt = false;
    if (this.#closing.signal.aborted || memory.state !== 'serving') return;
    if (ofProbe !== undefined || memory.doubts >= this.#timings.doubts) {
      this.#restAnew(origin, memory, ofProbe ?? failure);
    }
  }

  /** Rests after it has served, the longer the sooner that was after the rest before. */
  #restAnew(origin: Origin, memory: Memory, failure: OriginFailure): void {
    const steady = Date.now() - Date.parse(memory.since) >= this.#timings.steadyAfter;
    memory.rests = steady ? 1 : memory.rests + 1;
    origin.dropIdleConnections();
    this.#rest(origin, memory, failure);
  }

  #rest(origin: Origin, memory: Memory, failure: OriginFailure): void {
    memory.serverErrors = 0;
    memory.doubts = 0;
    memory.probesPassed = 0;
    this.#become(origin, memory, 'resting', failure);
    const { restFirst, restLongest } = this.#timings;
    this.#probeAfter(origin, memory, Math.min(restLongest, restFirst * 2 ** (memory.rests - 1)));
  }

  #become(origin: Origin, memory: Memory, state: OriginState, failure?: OriginFailure): void {
    if (memory.state === state) return;
    memory.state = state;
    memory.since = new Date().toISOString();
    this.#changed(origin, state, failure);
  }

  #probeAfter(origin: Origin, memory: Memory, delay: number): void {
    memory.nextProbe = new Date(Date.now() + delay).toISOString();
    memory.timer = setTimeout(() => void this.#probe(origin, memory), delay);
  }

  async #probe(origin: Origin, memory: Memory): Promise<void> {
    memory.nextProbe = null;
    const { probesToReturn, probeSpacing } = this.#timings;
    const failure = await this.#probeFailure(origin);
    if (this.#closing.signal.aborted) return;
    if (failure !== undefined) {
      memory.lastFailure = { at: new Date().toISOString(), kind: failure.code };
      memory.rests += 1;
      this.#rest(origin, memory, failure);
      return;
    }
    memory.probesPassed += 1;
    if (memory.probesPassed >= probesToReturn) {
      this.#become(origin, memory, 'serving');
    } else {
      this.#become(origin, memory, 'returning');
      this.#probeAfter(origin, memory, probeSpacing);
    }
  }

  /** How its probe failed; undefined when it is well, or when the edge closes. */
  async #probeFailure(origin: Origin): Promise<OriginFailure | undefined> {
    try {
      await probe(origin, this.#probePath, this.#timings.probeLimit, this.#closing.signal);
      return undefined;
    } catch (error) {
      if (this.#closing.signal.aborted) return undefined;
      if (error instanceof OriginFailure) return error;
      throw error;
    }
  }
}
