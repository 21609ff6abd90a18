import type { OrchestrationContext } from 'durable-functions';
import type { CopyBlobResult } from '../activities/copy-blob.ts';
import type { BlobVersion } from '../activities/list-batch.ts';
import type { Place } from '../activities/containers.ts';
import type { Batch } from '../activities/plan-batches.ts';
import { errorOf, type Failure, type Outcome } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import { answerOf, failureFrom, perform, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';
import { Trouble } from './trouble.ts';

export interface CopyBlobsInput {
  readonly run: RunReference;
  readonly source: Place;
  readonly target: Place;
  /** What this lane copies, one after the other. */
  readonly batches: readonly Batch[];
  /** For the target, in minutes. */
  readonly patience: number;
  readonly done: CopiedSoFar;
}

export interface CopiedSoFar {
  readonly blobs: number;
  readonly bytes: number;
}

/**
 * Step 9, second half: one lane of copies. A batch a generation, so that the history stays small however many blobs
 * there are; within a batch one activity a blob, side by side.
 */
export function* copyBlobs(context: OrchestrationContext): Steps<Outcome<CopiedSoFar> | undefined> {
  const input = context.df.getInput<CopyBlobsInput>();
  const { run, source, target, patience } = input;
  const [batch, ...batches] = input.batches;
  if (batch === undefined) return { ok: true, value: input.done };
  try {
    tell(context, input.done);
    const { blobs } = yield* perform(context, 'listBatch', { run, source, target, batch }, patience);
    yield* copyAll(context, input, blobs);
    const done = { blobs: input.done.blobs + batch.blobs, bytes: input.done.bytes + batch.bytes };
    tell(context, done);
    if (batches.length === 0) return { ok: true, value: done };
    context.df.continueAsNew({ ...input, batches, done });
    return undefined;
  } catch (error) {
    return { ok: false, error: failureFrom(error) };
  }
}

/** What the lane has copied: whoever shows the progress adds the lanes up. */
function tell(context: OrchestrationContext, { bytes }: CopiedSoFar): void {
  context.df.setCustomStatus(statusOf('copyBlobs', 0, { bytes: { done: bytes, total: 0 } }));
}

/** Copies the blobs; those that fail for now are tried again together. */
function* copyAll(
  context: OrchestrationContext,
  { run, source, target, patience }: CopyBlobsInput,
  blobs: readonly BlobVersion[],
): Steps<void> {
  const trouble = new Trouble(patience);
  let left = blobs;
  while (left.length > 0) {
    const tasks = left.map((blob) => context.df.callActivity('copyBlob', { run, source, target, blob }));
    // Task.all fails with the first failure and leaves the rest running: each one's own end is waited for.
    try {
      yield context.df.Task.all(tasks);
    } catch {
      // Told by the tasks themselves, below.
    }
    const failed: { readonly blob: BlobVersion; readonly error: Failure }[] = [];
    for (const [index, task] of tasks.entries()) {
      const outcome = yield* answerOf<CopyBlobResult>(task);
      const blob = left[index];
      if (!outcome.ok && blob !== undefined) failed.push({ blob, error: outcome.error });
    }
    if (failed.length < left.length) trouble.over();
    left = failed.map(({ blob }) => blob);
    const errors = failed.map(({ error }) => error);
    const worst = errors.find(({ retriable }) => !retriable) ?? errors.find(isLost) ?? errors[0];
    if (worst === undefined) return;
    const next = trouble.nextTry(context.df.currentUtcDateTime, worst);
    if (next === undefined) throw errorOf(worst);
    yield context.df.createTimer(next);
  }
}

function isLost({ code }: Failure): boolean {
  return code === 'activity-lost';
}
