import { setTimeout as after } from 'node:timers/promises';

/** Time, as the client sees it; tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** @throws the signal's reason when it is aborted */
  sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void>;
}

export const systemClock: Clock = {
  now: Date.now,
  sleep: (milliseconds, signal) => after(milliseconds, undefined, signal === undefined ? {} : { signal }),
};

/** After the first try (the reference's client). */
export const retries = 4;
/** A longer `Retry-After` is not sat out here: the caller is told and may come back then. */
export const longestWait = 60_000;

const firstWait = 500;

/** How long to wait before retry number `retry` (0 first), milliseconds: doubling, with half of it left to chance. */
export function backoff(retry: number, random: number): number {
  const whole = firstWait * 2 ** retry;
  return whole / 2 + (whole / 2) * random;
}

/** A `Retry-After` header in milliseconds (RFC 9110, section 10.2.3: seconds or a date). */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : undefined;
}
