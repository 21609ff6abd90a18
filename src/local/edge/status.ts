import type { EdgeStatus } from '../../web/edge-status.ts';
import type { Journal } from './journal.ts';
import type { Origin } from './origin.ts';
import type { Routing } from './routing.ts';
import type { Timings } from './timings.ts';

/** What `/edge/status` answers now. */
export function edgeStatus(
  origins: readonly Origin[],
  routing: Routing,
  timings: Timings,
  journal: Journal,
): EdgeStatus {
  return {
    timings: timings.name,
    preferred: routing.preferred() ?? null,
    dataCenters: Object.fromEntries(origins.map((origin) => [origin.key, routing.health(origin)])),
    failovers: journal.failovers,
  };
}
