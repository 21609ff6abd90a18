import type { FailureKind } from '../../web/edge-status.ts';

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
