import { StorageUnavailableError } from '../errors.ts';
import { StoreRefusal, type RefusalCode } from '../store/errors.ts';

/** An answer that is not a success. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

export const badRequest = (message: string): ApiError => new ApiError(400, message);
export const notAllowed = (allow: readonly string[]): ApiError =>
  new ApiError(405, 'The method is not allowed here.', { Allow: allow.join(', ') });

const statuses: Readonly<Record<RefusalCode, number>> = {
  'not-found': 404,
  conflict: 409,
  invalid: 400,
};
const retryAfterSeconds = '2';

/** What a failure is to the client; undefined: a fault of this service, which only the log tells. */
export function apiErrorOf(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreRefusal) return new ApiError(statuses[error.code], error.message);
  if (error instanceof StorageUnavailableError) {
    return new ApiError(503, 'Server is busy', { 'Retry-After': retryAfterSeconds });
  }
  return undefined;
}
