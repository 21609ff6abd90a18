import { MediaServicesError } from './errors.ts';

/** A signal that ends with `signal` or after `milliseconds`. */
export function within(milliseconds: number, signal: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(milliseconds);
  return signal === undefined ? limit : AbortSignal.any([signal, limit]);
}

/** fetch says "fetch failed" and keeps the reason in its cause. */
function reasonOf(error: unknown): { readonly code: string; readonly message: string } {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(inner instanceof Error)) return { code: '', message: 'unknown failure' };
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : '';
  return { code, message: inner.message === '' ? code : inner.message };
}

export function describeFailure(error: unknown): string {
  const { code, message } = reasonOf(error);
  return code === '' || message.includes(code) ? message : `${message} (${code})`;
}

/** No request can have left when the connection was never made. */
const neverConnected = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** What a failed `fetch` means: for a write, whether it may have been sent. */
export function errorOfFailure(
  error: unknown,
  call: { readonly name: string; readonly write: boolean },
  signal: AbortSignal | undefined,
): MediaServicesError {
  if (error instanceof MediaServicesError) return error;
  const outcome = call.write && !neverConnected.has(reasonOf(error).code) ? 'unknown' : 'none';
  if (signal?.aborted === true) {
    const message = `${call.name} was cancelled`;
    return new MediaServicesError({ code: 'canceled', message, retriable: false, outcome });
  }
  if (error instanceof DOMException && error.name === 'TimeoutError') {
    const message = `${call.name} was not answered in time`;
    return new MediaServicesError({ code: 'timeout', message, retriable: true, outcome });
  }
  const message = `${call.name} failed: ${describeFailure(error)}`;
  return new MediaServicesError({ code: 'network', message, retriable: true, outcome });
}
