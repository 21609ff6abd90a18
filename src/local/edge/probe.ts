import { OriginFailure } from './origin-failure.ts';
import type { Origin } from './origin.ts';

/**
 * Asks a data center whether it has its content: the path looks at some published assets (a missing asset would pass a
 * mere liveness check). Only a 200 is well, and each probe has a connection of its own, both as with Front Door.
 * @throws OriginFailure
 */
export async function probe(origin: Origin, path: string, limit: number, signal: AbortSignal): Promise<void> {
  const headers = ['Host', origin.url.host, 'User-Agent', 'Edge Health Probe'];
  const answer = await origin.askAlone({ method: 'GET', path, headers }, limit, signal);
  answer.destroy();
  if (answer.statusCode !== 200) {
    throw new OriginFailure('server-error', `${path} answered ${answer.statusCode ?? 0}`);
  }
}
