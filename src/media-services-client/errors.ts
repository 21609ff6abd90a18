/** Why a call failed; stable, for programs. */
export type MediaServicesErrorCode =
  /** The service's settings do not fit together (no client secret for an own token endpoint, …). */
  | 'configuration'
  /** The token endpoint or the managed identity refused or could not be reached. */
  | 'token'
  /** 401 also with a fresh token. */
  | 'unauthorized'
  /** 403: another account's entity, or a quota reached. */
  | 'forbidden'
  | 'not-found'
  /** 409: a locator id that exists already, a sixth locator, … */
  | 'conflict'
  /** 400 and every other refusal of the request itself. */
  | 'bad-request'
  /** 429 and 503. */
  | 'throttled'
  /** 500, 502, 504. */
  | 'unavailable'
  | 'timeout'
  /** The connection could not be made or broke. */
  | 'network'
  /** The service moved again and again, or to an address that a token must not be sent to. */
  | 'redirected'
  /** The answer is not what the API says. */
  | 'invalid-answer'
  /** A long-running operation of the service ended as Failed. */
  | 'operation-failed'
  | 'canceled';

export interface MediaServicesErrorDetails {
  readonly code: MediaServicesErrorCode;
  readonly message: string;
  readonly retriable: boolean;
  readonly status?: number | undefined;
  readonly outcome?: 'none' | 'unknown';
  /** Milliseconds. */
  readonly retryAfter?: number | undefined;
}

/**
 * A call to a media service failed. `retriable`: the same call may succeed later. `outcome` of a failed write: `none`
 * when it certainly did not take, `unknown` when it may have; then look before trying again. The message names the
 * call and what the service said; it holds no token, client secret or signature.
 */
export class MediaServicesError extends Error {
  override readonly name = 'MediaServicesError';
  readonly code: MediaServicesErrorCode;
  readonly retriable: boolean;
  /** The HTTP status, when there was an answer. */
  readonly status: number | undefined;
  readonly outcome: 'none' | 'unknown';
  /** How long the service asked to wait, milliseconds. */
  readonly retryAfter: number | undefined;

  constructor(details: MediaServicesErrorDetails) {
    super(withoutSecrets(details.message));
    this.code = details.code;
    this.retriable = details.retriable;
    this.status = details.status;
    this.outcome = details.outcome ?? 'none';
    this.retryAfter = details.retryAfter;
  }
}

/** What a service says of a request may quote it: signatures, tokens and client secrets are taken out. */
export function withoutSecrets(text: string): string {
  return text
    .replaceAll(/\b(sig|client_secret|access_token)(=|%3D|"\s*:\s*")[^&\s"'<>]+/gi, '$1$2(removed)')
    .replaceAll(/\bBearer\s+[^\s"',]+/gi, 'Bearer (removed)');
}

/** What an HTTP status means for a call. The reference's client repeats reads on 408, 429 and 5xx, writes only on 408, 429 and 503. */
export function errorOfStatus(call: {
  readonly name: string;
  readonly write: boolean;
  readonly status: number;
  readonly said: string;
  readonly retryAfter: number | undefined;
}): MediaServicesError {
  const { code, retriable, mayHaveTaken } = meaningOf(call.status);
  return new MediaServicesError({
    code,
    retriable,
    status: call.status,
    outcome: call.write && mayHaveTaken ? 'unknown' : 'none',
    retryAfter: call.retryAfter,
    message: `${call.name} answered ${call.status}${call.said === '' ? '' : `: ${call.said}`}`,
  });
}

interface Meaning {
  readonly code: MediaServicesErrorCode;
  readonly retriable: boolean;
  readonly mayHaveTaken: boolean;
}

function meaningOf(status: number): Meaning {
  const final = (code: MediaServicesErrorCode): Meaning => ({ code, retriable: false, mayHaveTaken: false });
  switch (status) {
    case 401:
      return final('unauthorized');
    case 403:
      return final('forbidden');
    case 404:
      return final('not-found');
    case 409:
      return final('conflict');
    case 408:
      return { code: 'timeout', retriable: true, mayHaveTaken: false };
    case 429:
    case 503:
      return { code: 'throttled', retriable: true, mayHaveTaken: false };
    default:
      return status >= 500
        ? { code: 'unavailable', retriable: true, mayHaveTaken: true }
        : final(status >= 400 ? 'bad-request' : 'invalid-answer');
  }
}
