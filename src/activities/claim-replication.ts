import type { DataCenterKey } from '../streams/data-center.ts';
import { requestHash } from '../streams/input-hash.ts';
import type { Patience, ReplicateStreamInput } from '../streams/operation.ts';
import type { RunId, StreamId } from '../streams/stream-id.ts';
import { claimRun, type Command, type Runs } from './claiming.ts';
import type { Dependencies } from './dependencies.ts';

export interface ClaimReplicationInput {
  readonly streamId: StreamId;
  readonly source: DataCenterKey;
  readonly patience: Patience;
}

export interface ClaimedReplication {
  /** The run that re-sync may begin; null when another one has the stream. */
  readonly runId: RunId | null;
  readonly reason: string;
}

/** Claims a stream for re-sync, which runs the replication as a part of its own. */
export function claimReplication({ claims }: Dependencies) {
  return async (
    { streamId, source, patience }: ClaimReplicationInput,
    runs: Runs,
  ): Promise<ClaimedReplication> => {
    const command: Command = {
      subject: streamId,
      kind: 'replicate',
      // Nobody else's request is the same, so that nobody else starts this run.
      requestHash: requestHash({ replicate: streamId, by: 'resync' }),
      inputFor: ({ runId }): ReplicateStreamInput => ({ run: { streamId, runId }, source, patience }),
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
