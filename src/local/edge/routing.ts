import type { DataCenterKey } from '../../streams/data-center.ts';
import type { OriginState, OriginStatus } from '../../web/edge-status.ts';
import type { Origin } from './origin.ts';
import type { OriginFailure } from './origin-failure.ts';

/** Decides which data center a request goes to, from what became of the requests and probes before it. */
export interface Routing {
  /** Every data center that may be asked, the best first. */
  candidates(): readonly Origin[];
  /** The first one, when it is serving. */
  preferred(): DataCenterKey | undefined;
  /** A request was answered, to the last byte. */
  succeeded(origin: Origin): void;
  failed(origin: Origin, failure: OriginFailure): void;
  health(origin: Origin): OriginStatus;
  close(): void;
}

/** A data center changed its state. */
export type OnStateChange = (origin: Origin, state: OriginState, failure: OriginFailure | undefined) => void;
