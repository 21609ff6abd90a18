import { setTimeout as after } from 'node:timers/promises';
import { BlobCopyError, errorOfRequest, type RequestSubject } from './errors.ts';

/** How long and how often a request is tried. */
export interface RequestLimits {
  /** Milliseconds without progress after which a request is given up. */
  readonly stall: number;
  /** After the first try. */
  readonly retries: number;
  /** Milliseconds before the first retry; doubles with each. */
  readonly firstWait: number;
}

export const defaultLimits: RequestLimits = { stall: 30_000, retries: 4, firstWait: 250 };

/** What is known to a request of how it is watched. */
export interface Watch {
  /** Aborted when the caller gives up or the request stalls. */
  readonly signal: AbortSignal;
  /** Tells that bytes have moved. */
  progressed(): void;
}

export interface RequestOptions extends RequestSubject {
  readonly signal: AbortSignal | undefined;
  readonly limits: RequestLimits;
}

/**
 * Makes one request, ended when it stands still for `limits.stall`.
 * @throws BlobCopyError
 */
export async function watched<Result>(
  options: RequestOptions,
  request: (watch: Watch) => Promise<Result>,
): Promise<Result> {
  if (options.signal?.aborted === true) throw canceled(options);
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    const giveUp = (error: BlobCopyError): void => {
      // Rejected first: what the request then throws is only that it was aborted.
      reject(error);
      controller.abort();
    };
    timer = setTimeout(() => giveUp(stalled(options)), options.limits.stall);
    onAbort = () => giveUp(canceled(options));
    options.signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const watch = { signal: controller.signal, progressed: () => void timer?.refresh() };
    return await Promise.race([request(watch), ended]);
  } catch (error) {
    throw errorOfRequest(error, options);
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) options.signal?.removeEventListener('abort', onAbort);
  }
}

/** A request that is the same however often it is made, repeated after what passes. */
export async function repeated<Result>(
  options: RequestOptions,
  request: (watch: Watch) => Promise<Result>,
): Promise<Result> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await watched(options, request);
    } catch (error) {
      if (!passes(error) || retry === options.limits.retries) throw error;
      await wait(options, retry);
    }
  }
}

/** Trouble that a repetition may be spared. A refused SAS is not: only the caller can read it again. */
export function passes(error: unknown): boolean {
  return error instanceof BlobCopyError && error.retriable && error.code !== 'forbidden';
}

/** Waits before retry number `retry`, 0 first: doubling, half of it left to chance. */
export async function wait(options: RequestOptions, retry: number): Promise<void> {
  const whole = options.limits.firstWait * 2 ** retry;
  const milliseconds = whole / 2 + (whole / 2) * Math.random();
  const { signal } = options;
  await after(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => {
    throw canceled(options);
  });
}

export function canceled({ side, doing }: RequestSubject): BlobCopyError {
  return new BlobCopyError({ code: 'canceled', side, message: `${doing} was cancelled` });
}

function stalled({ side, doing, limits }: RequestOptions): BlobCopyError {
  const message = `${doing} failed at the ${side}: no progress for ${limits.stall} ms`;
  return new BlobCopyError({ code: 'stalled', side, message });
}
