import type { OutgoingHttpHeaders } from 'node:http';
import { MalformedMediaError } from '../boxes/malformed-media.ts';
import { StorageUnavailableError } from '../errors.ts';
import { UnsupportedMediaError } from '../packager/errors.ts';
import { BlobChangedError } from './published-content.ts';

/** Why the origin does not serve a request; answered as problem+json (RFC 9457), never cached. */
export class OriginProblem extends Error {
  override readonly name = 'OriginProblem';
  readonly status: number;
  readonly code: string;
  readonly headers: OutgoingHttpHeaders;

  constructor(status: number, code: string, message: string, headers: OutgoingHttpHeaders = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Seconds until a client that was told 503 may try again. */
const retryAfter = { 'Retry-After': '2' };

/** What an error of any part means for the client: its own message where it is ours, never a foreign one. */
export function problemOf(error: unknown): OriginProblem {
  if (error instanceof OriginProblem) return error;
  if (error instanceof StorageUnavailableError) {
    return new OriginProblem(503, error.code, 'The storage cannot be read now.', retryAfter);
  }
  if (error instanceof BlobChangedError) {
    return new OriginProblem(503, error.code, 'The content is being changed.', retryAfter);
  }
  if (error instanceof MalformedMediaError || error instanceof UnsupportedMediaError) {
    return new OriginProblem(500, error.code, error.message);
  }
  return new OriginProblem(500, 'internal', 'The request failed.');
}

/** More whole files are asked for than are read at a time (RFC 6585, 4). */
export function tooManyReaders(): OriginProblem {
  return new OriginProblem(
    429,
    'too-many-readers',
    'Too many files are being read. Try again soon.',
    retryAfter,
  );
}

/** The endpoint gives out nothing unless it is Running. */
export function endpointProblem(state: string): OriginProblem {
  return new OriginProblem(
    503,
    'endpoint-not-running',
    `The streaming endpoint is ${state}, not Running.`,
    retryAfter,
  );
}
