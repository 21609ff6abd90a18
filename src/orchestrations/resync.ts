import type { OrchestrationContext, Task } from 'durable-functions';
import type { Unprotected } from '../activities/find-unprotected.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { failureText, type Failure } from '../streams/errors.ts';
import type { Patience, ReplicateStreamInput, ResyncResult } from '../streams/operation.ts';
import { operationIdOf, type RunId, type StreamId } from '../streams/stream-id.ts';
import { failureFrom, perform, type Steps } from './perform.ts';

export interface ResyncInput {
  readonly source: DataCenterKey;
  readonly mode: 'report' | 'repair';
  readonly patience: Patience;
}

/** Streams repaired side by side. */
const parallel = 3;
const shownStreams = 20;

/**
 * Looks at every stream of a source, and replicates those that are not protected (mode *repair*). A stream that another
 * run holds is left to it.
 */
export function* resync(context: OrchestrationContext): Steps<ResyncResult> {
  const { source, mode, patience } = context.df.getInput<ResyncInput>();
  const tried: StreamId[] = [];
  const open: Unprotected[] = [];
  let repaired = 0;
  try {
    for (;;) {
      const found = yield* perform(context, 'findUnprotected', { source, skip: tried }, patience.source);
      if (mode === 'report' || found.count === 0) {
        return result(mode, found.checked + tried.length, repaired, [...open, ...found.streams], found.count);
      }
      for (let start = 0; start < found.streams.length; start += parallel) {
        const group = found.streams.slice(start, start + parallel);
        const outcomes = yield* repair(context, group, source, patience);
        for (const [index, stream] of group.entries()) {
          tried.push(stream.streamId);
          if (outcomes[index] === undefined) repaired += 1;
          else open.push({ ...stream, reason: outcomes[index] });
        }
        context.df.setCustomStatus({ step: 'resync', percent: 50 });
      }
      // A long list of failures says that something else is wrong: the next re-sync tries again.
      if (tried.length >= mostTries) return result(mode, found.checked, repaired, open, 0);
    }
  } catch (error) {
    throw new Error(failureText(failureFrom(error)), { cause: error });
  }
}

const mostTries = 200;

function result(
  mode: ResyncResult['mode'],
  checked: number,
  repaired: number,
  open: readonly Unprotected[],
  more: number,
): ResyncResult {
  return {
    mode,
    checked,
    unprotected: mode === 'report' ? more : open.length,
    repaired,
    open: open.slice(0, shownStreams),
  };
}

/** Claims and replicates some streams side by side; answers with each one's reason when it is not protected still. */
function* repair(
  context: OrchestrationContext,
  streams: readonly Unprotected[],
  source: DataCenterKey,
  patience: Patience,
): Steps<(string | undefined)[]> {
  const reasons: (string | undefined)[] = [];
  const tasks: (Task | undefined)[] = [];
  for (const { streamId } of streams) {
    const claimed = yield* claim(context, streamId, source, patience);
    reasons.push(claimed.runId === null ? claimed.reason : undefined);
    tasks.push(
      claimed.runId === null ? undefined : start(context, streamId, claimed.runId, source, patience),
    );
  }
  const started = tasks.filter((task) => task !== undefined);
  if (started.length > 0) {
    try {
      yield context.df.Task.all(started);
    } catch {
      // Told by the tasks themselves, below.
    }
  }
  for (const [index, task] of tasks.entries()) {
    if (task === undefined) continue;
    try {
      yield task;
    } catch (error) {
      reasons[index] = error instanceof Error ? error.message.slice(0, 300) : 'unknown';
    }
  }
  return reasons;
}

function* claim(
  context: OrchestrationContext,
  streamId: StreamId,
  source: DataCenterKey,
  patience: Patience,
): Steps<{ readonly runId: RunId | null; readonly reason: string }> {
  try {
    return yield* perform(context, 'claimReplication', { streamId, source, patience }, patience.source);
  } catch (error) {
    const failure: Failure = failureFrom(error);
    return { runId: null, reason: failure.message };
  }
}

function start(
  context: OrchestrationContext,
  streamId: StreamId,
  runId: RunId,
  source: DataCenterKey,
  patience: Patience,
): Task {
  const input: ReplicateStreamInput = { run: { streamId, runId }, source, patience };
  return context.df.callSubOrchestrator('replicateStream', input, operationIdOf(streamId, runId));
}
