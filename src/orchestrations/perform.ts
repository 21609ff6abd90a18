import type { OrchestrationContext, Task } from 'durable-functions';
import type { ActivityInput, ActivityName, ActivityValue } from '../activities/activities.ts';
import { messageOf } from '../message-of.ts';
import { errorOf, failureOf, StreamError, type Failure, type Outcome } from '../streams/errors.ts';
import { Trouble } from './trouble.ts';

/** The steps of an orchestration: it yields tasks, and is given their results. */
export type Steps<Result> = Generator<Task, Result, unknown>;

/**
 * Runs an activity until it succeeds or fails for good; what may pass is tried again, more and more seldom, until it
 * has failed for so many minutes.
 * @throws StreamError
 */
export function* perform<Name extends ActivityName>(
  context: OrchestrationContext,
  name: Name,
  input: ActivityInput<Name>,
  minutes: number,
  pause: (until: Date) => Steps<void> = (until) => timer(context, until),
): Steps<ActivityValue<Name>> {
  const trouble = new Trouble(minutes);
  for (;;) {
    const outcome = yield* once(context, name, input);
    if (outcome.ok) return outcome.value;
    const next = trouble.nextTry(context.df.currentUtcDateTime, outcome.error);
    if (next === undefined) throw errorOf(outcome.error);
    yield* pause(next);
  }
}

function* timer(context: OrchestrationContext, until: Date): Steps<void> {
  yield context.df.createTimer(until);
}

function* once<Name extends ActivityName>(
  context: OrchestrationContext,
  name: Name,
  input: ActivityInput<Name>,
): Steps<Outcome<ActivityValue<Name>>> {
  try {
    return (yield context.df.callActivity(name, input)) as Outcome<ActivityValue<Name>>;
  } catch (error) {
    return { ok: false, error: lost(error) };
  }
}

/** A sub-orchestration answers with an outcome, too. */
export function* answerOf<Value>(task: Task): Steps<Outcome<Value>> {
  try {
    return (yield task) as Outcome<Value>;
  } catch (error) {
    return { ok: false, error: lost(error) };
  }
}

/** Activities give their errors as data, so that a failed one never came to an end by itself. */
function lost(error: unknown): Failure {
  const text = messageOf(error);
  return { code: 'activity-lost', message: `A step was lost: ${text.slice(0, 300)}`, retriable: true };
}

/** What an error means for the run; a fault of the program is told as one. */
export function failureFrom(error: unknown): Failure {
  if (error instanceof StreamError) return failureOf(error);
  return { code: 'internal', message: messageOf(error).slice(0, 500), retriable: false };
}

/** A step that only tidies up: tried for a short while, its failure never hides what it tidies up after. */
export function* tryTo<Name extends ActivityName>(
  context: OrchestrationContext,
  name: Name,
  input: ActivityInput<Name>,
  minutes = 1,
): Steps<boolean> {
  try {
    yield* perform(context, name, input, minutes);
    return true;
  } catch {
    return false;
  }
}
