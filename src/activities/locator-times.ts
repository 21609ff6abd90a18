import { Permissions } from '../media-service/model.ts';

/** Milliseconds ago that locators start, so that clocks that differ do not matter (REST reference, Locator). */
const startsBefore = 5 * 60_000;

/** The StartTime of a locator that is to work at once: a whole second, as one form of it on the wire has no smaller unit. */
export function startNow(): Date {
  return new Date(Math.floor((Date.now() - startsBefore) / 1000) * 1000);
}

/** The access policy of origin locators; both sides of a stream, and all streams of one duration, share it. */
export function streamingPolicy(durationInMinutes: number) {
  return { name: 'failover streaming', durationInMinutes, permissions: Permissions.Read } as const;
}
