import type { HttpResponseInit } from '@azure/functions';
import type { ErrorCode, Failure } from '../streams/errors.ts';
import type { OperationId } from '../streams/stream-id.ts';

/** Codes of answers that no run gives: the request itself was at fault, or the app cannot answer now. */
export type RequestProblemCode =
  | 'bad-request'
  | 'bad-json'
  | 'body-too-large'
  | 'not-found'
  | 'not-running'
  | 'not-cancelable'
  | 'unavailable';

export type ProblemCode = ErrorCode | RequestProblemCode;

/** One thing wrong with a request. */
export interface RequestProblem {
  /** Where: a property's path in the body, or a parameter's name. */
  readonly at: string;
  readonly message: string;
}

/** What else an answer tells about its problem. */
export interface ProblemDetails {
  readonly problems?: readonly RequestProblem[];
  /** The run that the problem is about. */
  readonly operationId?: OperationId;
}

/** A request that cannot be served; becomes a problem+json answer. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(status: number, code: ProblemCode, message: string, details: ProblemDetails = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  404: 'Not found',
  409: 'Conflict',
  413: 'Content too large',
  422: 'Unprocessable content',
  500: 'Internal error',
  503: 'Not available now',
};

/** The answer to a request that failed (RFC 9457). */
export function problemResponse(error: RequestError): HttpResponseInit {
  return {
    status: error.status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(error.status === 503 ? { 'retry-after': '5' } : {}),
    },
    body: JSON.stringify({
      type: `urn:failover-streaming:problem:${error.code}`,
      title: titles[error.status] ?? 'Error',
      status: error.status,
      detail: error.message,
      code: error.code,
      ...error.details,
    }),
  };
}

const conflicts: readonly ErrorCode[] = ['stream-exists', 'stream-busy', 'not-home', 'locator-conflict'];

/** A failure of a step, met while a request was served. */
export function requestErrorOf(failure: Failure): RequestError {
  const { code, message } = failure;
  if (conflicts.includes(code)) return new RequestError(409, code, message);
  if (code === 'stream-missing') return new RequestError(404, code, message);
  if (failure.retriable) return new RequestError(503, code, message);
  return code === 'internal' || code === 'media-service-refused' || code === 'storage-refused'
    ? new RequestError(500, code, message)
    : new RequestError(422, code, message);
}
