import type { DataCenterKey } from '../../streams/data-center.ts';
import type { OriginState } from '../../web/edge-status.ts';
import type { Origin } from './origin.ts';
import type { OriginFailure } from './origin-failure.ts';

export interface OriginHealth {
  readonly state: OriginState;
  readonly since: Date;
  readonly lastFailure: { readonly at: Date; readonly kind: string } | undefined;
  /** When it is probed next; undefined when it is not probed. */
  readonly nextProbe: Date | undefined;
}

/** Decides which data center a request goes to, from what became of the requests and probes before it. */
export interface Routing {
  /** Every data center that may be asked, the best first. */
  candidates(): readonly Origin[];
  /** The first one, when it is serving. */
  preferred(): DataCenterKey | undefined;
  /** A request was answered, to the last byte. */
  succeeded(origin: Origin): void;
  failed(origin: Origin, failure: OriginFailure): void;
  health(origin: Origin): OriginHealth;
  close(): void;
}

/** A data center changed its state. */
export type OnStateChange = (origin: Origin, state: OriginState, failure: OriginFailure | undefined) => void;
