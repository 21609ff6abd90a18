import type { DataCenterKey } from '../streams/data-center.ts';
import { requestHash } from '../streams/request-hash.ts';
import type { Patience, ReplicateStreamInput, VerifyStreamInput } from '../streams/operation.ts';
import type { RunId, StreamId, Subject } from '../streams/stream-id.ts';
import { claimRun, type Command, type Runs } from './claiming.ts';
import type { Claim } from './claims.ts';
import type { Dependencies } from './dependencies.ts';

export interface ClaimStreamInput {
  /** What re-sync is to do with the stream. */
  readonly kind: 'replicate' | 'verify';
  readonly streamId: StreamId;
  readonly source: DataCenterKey;
  readonly patience: Patience;
}

export interface ClaimedStream {
  /** The run that re-sync may begin; null when another one has the stream. */
  readonly runId: RunId | null;
  readonly reason: string;
}

/** Whether re-sync made the claim: it alone starts the run, as a part of its own. */
export function isClaimOfResync({ kind, subject, ...claim }: Claim): boolean {
  if (kind !== 'replicate' && kind !== 'verify') return false;
  return claim.requestHash === hashOfResync(kind, subject);
}

/** Nobody else's request is the same, so that nobody else starts this run. */
function hashOfResync(kind: ClaimStreamInput['kind'], streamId: Subject): string {
  return requestHash({ [kind]: streamId, by: 'resync' });
}

/** Claims a stream for re-sync, which replicates or verifies it as a part of its own run. */
export function claimStream({ claims }: Dependencies) {
  return async (
    { kind, streamId, source, patience }: ClaimStreamInput,
    runs: Runs,
  ): Promise<ClaimedStream> => {
    const command: Command = {
      subject: streamId,
      kind,
      requestHash: hashOfResync(kind, streamId),
      inputFor: ({ runId }): ReplicateStreamInput | VerifyStreamInput => {
        const common = { run: { streamId, runId }, source, patience };
        return kind === 'verify' ? { ...common, level: 'bytes' } : common;
      },
    };
    const decision = await claimRun(claims, runs, command);
    switch (decision.kind) {
      case 'start':
        return { runId: decision.claim.runId, reason: '' };
      case 'joined':
        return { runId: null, reason: `The operation ${decision.operationId} is at it.` };
      case 'refused':
        return { runId: null, reason: decision.failure.message };
    }
  };
}
