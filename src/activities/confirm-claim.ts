import { FinalError } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';

/** The first step of every run of a stream: goes on only while the run holds the stream's claim. */
export function confirmClaim({ claims }: Dependencies) {
  return async ({ run }: { readonly run: RunReference }): Promise<Record<string, never>> => {
    if (!(await claims.markStarted(run.streamId, run.runId))) {
      throw new FinalError('stream-busy', `Another run has taken ${run.streamId} over: follow that one.`);
    }
    return {};
  };
}
