/**
 * What `/edge/status` tells: the contract between the edge, which answers it, and the player page, which shows it.
 * Whoever reaches the edge may read it, so it names no stream (a locator's id is all that a streaming URL keeps secret)
 * and no origin's address; those are in the edge's log, under the request's id. Times are ISO 8601.
 */

/**
 * Whether viewers are sent to a data center.
 * - `serving`: yes
 * - `resting`: it failed; only when nothing else is left
 * - `returning`: its probes have begun to succeed; not yet
 */
export type OriginState = 'serving' | 'resting' | 'returning';

/**
 * How a data center failed a request.
 * - `unreachable`: refused, reset or no such host
 * - `silent`: accepted, but no headers within the limit
 * - `server-error`: a 5xx answer
 * - `malformed`: not HTTP
 * - `stalled`: no byte of the body within the limit
 * - `cut`: the body ended early
 */
export type FailureKind = 'unreachable' | 'silent' | 'server-error' | 'malformed' | 'stalled' | 'cut';

export interface OriginStatus {
  readonly state: OriginState;
  /** When it came into this state. */
  readonly since: string;
  readonly lastFailure: { readonly at: string; readonly kind: FailureKind } | null;
  /** Null: it is not probed now. */
  readonly nextProbe: string | null;
}

/** A request that one data center failed and another one took over. */
export interface FailoverStatus {
  readonly at: string;
  /** The answer's `X-Request-Id`: tells its viewer that it was theirs, and nothing to anyone else. */
  readonly requestId: string;
  readonly from: string;
  readonly to: string;
  readonly reason: FailureKind;
  /** Bytes of the body that the viewer had from `from`; undefined when the body had not begun. */
  readonly atByte?: number | undefined;
}

export interface EdgeStatus {
  readonly timings: string;
  /** The data center new requests go to first; null when none is known to be well. */
  readonly preferred: string | null;
  readonly dataCenters: Readonly<Record<string, OriginStatus>>;
  /** The newest last, at most 50. */
  readonly failovers: readonly FailoverStatus[];
}
