import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../../message-of.ts';

/** A part of the stack did not become healthy in time. */
export class NotHealthyError extends Error {
  override readonly name = 'NotHealthyError';
  readonly code = 'not-healthy';
}

/**
 * Asks until the answer is a success, the signal aborts or the time is over.
 * @throws NotHealthyError
 */
export async function healthy(
  url: string,
  options: { patienceMilliseconds: number; signal?: AbortSignal },
): Promise<void> {
  const end = Date.now() + options.patienceMilliseconds;
  let last = 'no answer';
  while (Date.now() < end) {
    options.signal?.throwIfAborted();
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
      await response.body?.cancel();
      if (response.ok) return;
      last = `status ${response.status}`;
    } catch (error) {
      last = messageOf(error);
    }
    await delay(50);
  }
  throw new NotHealthyError(`${url} is not healthy (${last}).`);
}
