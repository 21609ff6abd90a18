import { randomUUID } from 'node:crypto';

/**
 * A new guid that sorts by its time (UUID version 7, RFC 9562 section 5.7): rows named by such guids are read in the
 * order of their creation without an index.
 */
export function timeOrderedGuid(now = Date.now()): string {
  const time = now.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

/** The guid's time, milliseconds since the epoch. */
export function timeOf(guid: string): number {
  return Number.parseInt(guid.slice(0, 8) + guid.slice(9, 13), 16);
}
