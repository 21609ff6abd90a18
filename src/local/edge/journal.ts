import type { Telemetry } from '../../telemetry.ts';
import type { FailoverStatus } from '../../web/edge-status.ts';

/** What only the log tells of a failover: anybody may read the status. */
export interface FailoverDetails {
  /** Without the query. */
  readonly path: string;
  readonly detail: string;
}

/** A request that no data center could answer, or not to its end. */
export interface Unanswered {
  readonly requestId: string;
  /** Without the query. */
  readonly path: string;
  /** Bytes of the body that the viewer has. */
  readonly sent: number;
  readonly reason: string;
  readonly detail: string;
}

const kept = 50;

/** What went wrong for viewers: logged, and the last failovers kept for the status and the player page. */
export class Journal {
  readonly #telemetry: Telemetry;
  readonly #failovers: FailoverStatus[] = [];

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  failedOver(failover: FailoverStatus, details: FailoverDetails): void {
    this.#failovers.push(failover);
    if (this.#failovers.length > kept) this.#failovers.shift();
    this.#telemetry.problem('EdgeFailedOver', { ...failover, ...details });
  }

  unanswered(request: Unanswered): void {
    this.#telemetry.problem('EdgeUnanswered', { ...request });
  }

  /** The newest last. */
  get failovers(): readonly FailoverStatus[] {
    return this.#failovers;
  }
}
