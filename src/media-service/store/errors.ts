import { StorageUnavailableError } from '../errors.ts';

/** Why the store refuses: the API turns each into a status (404, 409, 400). */
export type RefusalCode = 'not-found' | 'conflict' | 'invalid';

/** The store refuses a request; final: the same request is refused again until something else changes. */
export class StoreRefusal extends Error {
  override readonly name = 'StoreRefusal';
  readonly code: RefusalCode;

  constructor(code: RefusalCode, message: string) {
    super(message);
    this.code = code;
  }
}

export const notFound = (what: string): StoreRefusal =>
  new StoreRefusal('not-found', `Resource not found: ${what}.`);
export const conflict = (message: string): StoreRefusal => new StoreRefusal('conflict', message);
export const invalid = (message: string): StoreRefusal => new StoreRefusal('invalid', message);

/** The status of a storage service's answer inside an error; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : undefined;
}

/** The storage service's own code, e.g. `EntityAlreadyExists`. */
function storageCodeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'EHOSTUNREACH',
  'REQUEST_SEND_ERROR',
  'PARSE_ERROR',
]);

/**
 * Calls a storage service; an answer that means trouble on its side (no answer, time-out, 408, 429, 5xx) becomes a
 * `StorageUnavailableError`. What else goes wrong is left as it is. The storage's own error is not kept as a cause:
 * it carries the request with its signature.
 */
export async function calling<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw storageTrouble(error);
  }
}

/** As `calling`, for an error in hand. */
export function storageTrouble(error: unknown): unknown {
  const status = statusOf(error);
  const code = storageCodeOf(error);
  const trouble =
    status === undefined
      ? networkCodes.has(code ?? '') || (error instanceof Error && error.name === 'TimeoutError')
      : status === 408 || status === 429 || status >= 500;
  return trouble
    ? new StorageUnavailableError(
        `The storage account cannot be asked now (${status ?? code ?? 'no answer'}).`,
      )
    : error;
}

/** Too many writers at once on the same entity: worth another try, as trouble of the storage is. */
export function contention(what: string): StorageUnavailableError {
  return new StorageUnavailableError(`Too many requests change ${what} at the same time.`);
}
