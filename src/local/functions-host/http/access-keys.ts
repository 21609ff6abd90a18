import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FunctionsHostKeys } from '../../../config/functions-host.ts';

/** The access keys of a function app; a key that is not set opens nothing. */
export interface AccessKeys {
  /** Opens everything, /admin too (`_master`). */
  readonly master: string | undefined;
  /** Opens every function with authLevel `function`. */
  readonly host: string | undefined;
  /** By the function's name in lower case: opens that function. */
  readonly functions: Readonly<Record<string, string>>;
  /** Opens the Durable management API (`durabletask_extension`). */
  readonly durable: string;
}

export type AuthLevel = 'anonymous' | 'function' | 'admin';

/**
 * The keys as they are set. The Durable key, unless it is set, is derived from the storage account's key: so it is the
 * same after a restart and on every host of the hub, and the status URLs that were given out stay good.
 */
export function accessKeysOf(
  set: FunctionsHostKeys,
  { storage, hubName }: { storage: string; hubName: string },
): AccessKeys {
  const derived = createHmac('sha256', storage).update(`durable key of ${hubName}`).digest('base64url');
  return { ...set, durable: set.durable ?? derived };
}

/** The key that a request brings, in the header `x-functions-key` or the query's `code`. */
export function keyOfRequest(request: IncomingMessage, query: URLSearchParams): string | undefined {
  const header = request.headers['x-functions-key'];
  return (Array.isArray(header) ? header[0] : header) ?? query.get('code') ?? undefined;
}

/** Whether a key opens a function. */
export function opensFunction(
  keys: AccessKeys,
  { level, name }: { level: AuthLevel; name: string },
  given: string | undefined,
): boolean {
  if (level === 'anonymous') return true;
  const accepted =
    level === 'admin' ? [keys.master] : [keys.functions[name.toLowerCase()], keys.host, keys.master];
  return isOneOf(accepted, given);
}

/** Whether a key opens /admin. */
export function opensAdmin(keys: AccessKeys, given: string | undefined): boolean {
  return isOneOf([keys.master], given);
}

/** Whether a key opens the Durable management API. */
export function opensDurable(keys: AccessKeys, given: string | undefined): boolean {
  return isOneOf([keys.durable, keys.master], given);
}

/** Compares in a time that tells nothing of the keys. */
function isOneOf(accepted: readonly (string | undefined)[], given: string | undefined): boolean {
  if (given === undefined) return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  const found = accepted.map((key) => key !== undefined && timingSafeEqual(digest(key), digest(given)));
  return found.includes(true);
}
