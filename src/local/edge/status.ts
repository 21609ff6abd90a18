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
    dataCenters: Object.fromEntries(
      origins.map((origin) => {
        const { state, since, lastFailure, nextProbe } = routing.health(origin);
        return [
          origin.key,
          {
            state,
            since: since.toISOString(),
            lastFailure: lastFailure ? { at: lastFailure.at.toISOString(), kind: lastFailure.kind } : null,
            nextProbe: nextProbe?.toISOString() ?? null,
          },
        ];
      }),
    ),
    failovers: journal.failovers.map(({ at, requestId, from, to, reason, atByte }) => ({
      at: at.toISOString(),
      requestId,
      from,
      to,
      reason,
      atByte,
    })),
  };
}
