import type { LocatorId } from '../media-service/model.ts';
import type { Comparison } from './comparison.ts';
import type { DataCenterKey } from './data-center.ts';
import type { Failure } from './errors.ts';
import type { ReadLevel } from './side-state.ts';
import type { OperationId, RunId, StreamId } from './stream-id.ts';
import type { StreamingUrls } from './streaming-urls.ts';

export const operationKinds = ['publish', 'replicate', 'verify', 'resync'] as const;
export type OperationKind = (typeof operationKinds)[number];

/** Whether runs of this kind can be canceled; the others change nothing of their own and end by themselves. */
export function isCancelable(kind: OperationKind): boolean {
  return kind === 'publish' || kind === 'replicate';
}

/** What a re-sync does with what it finds. */
export const resyncModes = ['report', 'repair'] as const;
export type ResyncMode = (typeof resyncModes)[number];

/** The run that a step belongs to: what it logs under, and whose cancellation it obeys. */
export interface RunReference {
  readonly streamId: StreamId;
  readonly runId: RunId;
}

export interface ByteProgress {
  readonly done: number;
  readonly total: number;
}

/** The custom status of a run: what progress bars show. */
export interface RunStatus {
  /** The step's name, as in the documentation. */
  readonly step: string;
  /** Of the whole operation, 0 to 100. */
  readonly percent: number;
  readonly bytes?: ByteProgress | undefined;
  /** A sub-orchestration whose own status is newer: its durable instance id. */
  readonly part?: string | undefined;
  /** Sub-orchestrations that copy side by side: their bytes are added to these. */
  readonly lanes?: readonly string[] | undefined;
}

/** How long a run waits, in minutes. */
export interface Patience {
  /** For the source, when it cannot be reached. */
  readonly source: number;
  /** For the source, once the encoder has begun: what it does is not thrown away; absent: as long as for any step. */
  readonly encoding?: number;
  /** For the target, when it cannot be reached: then the stream is published, not protected. */
  readonly target: number;
  /** For an encoding job that makes no progress. */
  readonly job: number;
  /** For an encoding job that no encoder has begun; absent: as long as it takes. */
  readonly queue?: number;
}

/** What `replicateStream` is given. */
export interface ReplicateStreamInput {
  readonly run: RunReference;
  readonly source: DataCenterKey;
  readonly patience: Patience;
}

/** What `verifyStream` is given. */
export interface VerifyStreamInput extends ReplicateStreamInput {
  readonly level: ReadLevel;
}

export interface PublishResult {
  readonly streamId: StreamId;
  readonly source: DataCenterKey;
  readonly locatorId: LocatorId;
  /** Whether the replica is verified and published. */
  readonly protected: boolean;
  /** A side is absent when the stream is not published there. */
  readonly urls: Partial<Readonly<Record<DataCenterKey, StreamingUrls>>>;
  readonly compared?: Comparison;
  /** Why the stream is not protected; re-sync goes on trying. */
  readonly problem?: Failure;
}

export interface VerifyResult {
  readonly streamId: StreamId;
  readonly compared: Comparison;
}

export interface ResyncResult {
  readonly mode: ResyncMode;
  /** How the sides were compared. */
  readonly level: ReadLevel;
  /** Streams looked at. */
  readonly checked: number;
  readonly unprotected: number;
  readonly repaired: number;
  /** The first ones that are not protected still. */
  readonly open: readonly { readonly streamId: StreamId; readonly reason: string }[];
}

export type OperationResult = PublishResult | VerifyResult | ResyncResult;

export type OperationStatus = 'running' | 'succeeded' | 'failed' | 'canceled';

/** A run as the HTTP API shows it. */
export interface Operation {
  readonly operationId: OperationId;
  /** Absent for an operation on all streams. */
  readonly streamId?: StreamId;
  readonly kind: OperationKind;
  readonly status: OperationStatus;
  readonly step: string;
  readonly percent: number;
  readonly bytes?: ByteProgress;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601. */
  readonly updatedAt: string;
  readonly result?: OperationResult;
  readonly error?: Failure;
}
