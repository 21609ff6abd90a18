import type { OrchestrationContext } from 'durable-functions';
import type { Place } from '../activities/containers.ts';
import type { Outcome } from '../streams/errors.ts';
import type { ByteProgress, Patience, RunReference } from '../streams/operation.ts';
import { failureFrom, perform, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';

export interface TakeInputInput {
  readonly run: RunReference;
  readonly target: Place;
  readonly requestHash: string;
  readonly patience: Patience;
  /** What earlier executions have stored; absent at the start. */
  readonly stored?: ByteProgress;
}

/** Seconds that one execution reads, so that progress is seen and no host's time limit is met. */
const budget = 60;
/** Milliseconds until a run that found no slot asks again: a cancel is heard as soon. */
const pause = 5000;

/** Step 1 for a URL: takes its content in, one bounded execution after the other. */
export function* takeInput(context: OrchestrationContext): Steps<Outcome<Record<string, never>> | undefined> {
  const input = context.df.getInput<TakeInputInput>();
  const { run, target, requestHash, patience } = input;
  try {
    const { finished, done, total, waits } = yield* perform(
      context,
      'takeIn',
      { run, target, requestHash, budget },
      patience.source,
    );
    if (finished) return { ok: true, value: {} };
    const stored = waits === true ? input.stored : { done, total };
    context.df.setCustomStatus(
      statusOf(
        waits === true ? 'waitToTakeIn' : 'takeIn',
        stored === undefined || stored.total === 0 ? 0 : stored.done / stored.total,
        stored === undefined ? {} : { bytes: stored },
      ),
    );
    if (waits === true) {
      yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + pause));
    }
    context.df.continueAsNew(stored === undefined ? input : { ...input, stored });
    return undefined;
  } catch (error) {
    return { ok: false, error: failureFrom(error) };
  }
}
