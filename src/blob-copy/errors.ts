import { RestError } from '@azure/storage-blob';

/** Why a blob could not be copied, listed or read; stable, for programs. */
export type BlobCopyErrorCode =
  /** The source is no longer the version asked for; nothing of it was published. List it again, then copy. */
  | 'source-changed'
  /** No such blob or container. */
  | 'not-found'
  /** 401 or 403: the SAS is revoked, expired or not in force yet. Read it again, then retry. */
  | 'forbidden'
  /** The bytes do not have the MD5 that the source declares; nothing was published. */
  | 'mismatch'
  /** The service refuses the request itself. */
  | 'refused'
  /** 408, 429, 5xx after bounded retries. */
  | 'unavailable'
  /** A request that made no progress for too long, after bounded retries. */
  | 'stalled'
  /** Connections could not be made or broke, after bounded retries. */
  | 'network'
  | 'canceled';

export type Side = 'source' | 'target';

const retriableCodes: readonly BlobCopyErrorCode[] = ['forbidden', 'unavailable', 'stalled', 'network'];

/** A blob could not be copied, listed or read. The message never holds a URL: a SAS is part of it. */
export class BlobCopyError extends Error {
  override readonly name = 'BlobCopyError';
  readonly code: BlobCopyErrorCode;
  /** The same copy may succeed later. */
  readonly retriable: boolean;
  readonly side: Side;
  /** The HTTP status, when there was an answer. */
  readonly status: number | undefined;
  /** The service's own error code, e.g. `CannotVerifyCopySource`. */
  readonly serviceCode: string | undefined;

  constructor(details: {
    readonly code: BlobCopyErrorCode;
    readonly message: string;
    readonly side: Side;
    readonly status?: number | undefined;
    readonly serviceCode?: string | undefined;
  }) {
    super(details.message);
    this.code = details.code;
    this.retriable = retriableCodes.includes(details.code);
    this.side = details.side;
    this.status = details.status;
    this.serviceCode = details.serviceCode;
  }
}

/** What a request was for, as messages name it. */
export interface RequestSubject {
  readonly side: Side;
  /** e.g. `Reading "hello.ism"`. */
  readonly doing: string;
}

/**
 * What a failed request means. Anything that is neither the service's answer nor the network's doing is a mistake of
 * the program and comes back as it is.
 */
export function errorOfRequest(error: unknown, subject: RequestSubject): unknown {
  if (error instanceof BlobCopyError || !(error instanceof Error)) return error;
  const of = (code: BlobCopyErrorCode, why: string, status?: number, serviceCode?: string): BlobCopyError =>
    new BlobCopyError({
      code,
      side: subject.side,
      status,
      serviceCode,
      message: `${subject.doing} failed at the ${subject.side}: ${why}`,
    });
  const answer = error instanceof RestError ? error : undefined;
  if (answer?.statusCode !== undefined) {
    const { statusCode } = answer;
    // A HEAD has no body to tell the code in.
    const serviceCode = answer.response?.headers.get('x-ms-error-code') ?? answer.code;
    const why = serviceCode === undefined ? `${statusCode}` : `${statusCode} ${serviceCode}`;
    return of(codeOfStatus(statusCode), why, statusCode, serviceCode);
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (answer !== undefined || error.name === 'AbortError' || code !== undefined) {
    return of('network', `the connection broke (${code ?? error.name})`);
  }
  return error;
}

function codeOfStatus(status: number): BlobCopyErrorCode {
  switch (status) {
    case 401:
    case 403:
      return 'forbidden';
    case 404:
      return 'not-found';
    case 412: // Every condition here is one on the source.
      return 'source-changed';
    case 408:
    case 429:
      return 'unavailable';
    default:
      // 501: the service does not know the operation, and never will.
      return status >= 500 && status !== 501 ? 'unavailable' : 'refused';
  }
}
