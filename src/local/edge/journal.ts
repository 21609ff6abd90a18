import type { DataCenterKey } from '../../streams/data-center.ts';
import type { Telemetry } from '../../telemetry.ts';
import type { FailureKind } from './origin-failure.ts';

/** A request that one data center failed and another one took over. */
export interface Failover {
  readonly at: Date;
  /** The answer's `x-request-id`. */
  readonly requestId: string;
  /** Without the query. */
  readonly path: string;
  readonly from: DataCenterKey;
  readonly to: DataCenterKey;
  readonly reason: FailureKind;
  readonly detail: string;
  /** Bytes of the body that the viewer had from `from`; undefined when the body had not begun. */
  readonly atByte: number | undefined;
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
  readonly #failovers: Failover[] = [];

  constructor(telemetry: Telemetry) {
    this.#telemetry = telemetry;
  }

  failedOver(failover: Failover): void {
    this.#failovers.push(failover);
    if (this.#failovers.length > kept) this.#failovers.shift();
    this.#telemetry.problem('EdgeFailedOver', { ...failover, at: failover.at.toISOString() });
  }

  unanswered(request: Unanswered): void {
    this.#telemetry.problem('EdgeUnanswered', { ...request });
  }

  /** The newest last. */
  get failovers(): readonly Failover[] {
    return this.#failovers;
  }
}
