/**
 * How an origin failed a request.
 * - `unreachable`: refused, reset or no such host
 * - `silent`: accepted, but no headers within the limit
 * - `server-error`: a 5xx answer
 * - `malformed`: not HTTP
 * - `stalled`: no byte of the body within the limit
 * - `cut`: the body ended early
 */
export type FailureKind = 'unreachable' | 'silent' | 'server-error' | 'malformed' | 'stalled' | 'cut';

/** The origin failed; another one may do better. */
export class OriginFailure extends Error {
  override readonly name = 'OriginFailure';
  readonly code: FailureKind;

  constructor(code: FailureKind, detail: string) {
    super(detail);
    this.code = code;
  }
}

/** No data center could answer a request. */
export class NoDataCenterError extends Error {
  override readonly name = 'NoDataCenterError';
  readonly code = 'no-data-center';
}

/** The two data centers have different bytes under one URL: a body begun from one cannot go on from the other. */
export class DifferentContentError extends Error {
  override readonly name = 'DifferentContentError';
  readonly code = 'different-content';
}

/** The viewer went away: nobody's failure. */
export class ViewerGoneError extends Error {
  override readonly name = 'ViewerGoneError';
  readonly code = 'viewer-gone';
}
