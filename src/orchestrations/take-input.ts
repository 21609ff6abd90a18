import type { OrchestrationContext } from 'durable-functions';
import type { Place } from '../activities/plan-batches.ts';
import type { Outcome } from '../streams/errors.ts';
import type { Patience, RunReference } from '../streams/operation.ts';
import { failureFrom, perform, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';

export interface TakeInputInput {
  readonly run: RunReference;
  readonly target: Place;
  readonly requestHash: string;
  readonly patience: Patience;
}

/** Seconds that one execution reads, so that progress is seen and no host's time limit is met. */
const budget = 60;

/** Step 1 for a URL: takes its content in, one bounded execution after the other. */
export function* takeInput(context: OrchestrationContext): Steps<Outcome<Record<string, never>> | undefined> {
  const input = context.df.getInput<TakeInputInput>();
  const { run, target, requestHash, patience } = input;
  try {
    const { finished, done, total } = yield* perform(
      context,
      'takeIn',
      { run, target, requestHash, budget },
      patience.source,
    );
    if (finished) return { ok: true, value: {} };
    context.df.setCustomStatus(
      statusOf('takeIn', total === 0 ? 0 : done / total, { bytes: { done, total } }),
    );
    context.df.continueAsNew(input);
    return undefined;
  } catch (error) {
    return { ok: false, error: failureFrom(error) };
  }
}
