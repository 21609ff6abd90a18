import type { DataCenterKey } from '../../config.ts';
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

const kept = 50;

/** The last failovers, for the status and the player page; each is logged as well. */
export class Journal {
  readonly telemetry: Telemetry;
  readonly #failovers: Failover[] = [];

  constructor(telemetry: Telemetry) {
    this.telemetry = telemetry;
  }

  failedOver(failover: Failover): void {
    this.#failovers.push(failover);
    if (this.#failovers.length > kept) this.#failovers.shift();
    this.telemetry.problem('EdgeFailedOver', { ...failover, at: failover.at.toISOString() });
  }

  /** The newest last. */
  get failovers(): readonly Failover[] {
    return this.#failovers;
  }
}
