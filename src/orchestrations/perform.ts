import type { OrchestrationContext, Task } from 'durable-functions';
import type { ActivityInput, ActivityName, ActivityValue } from '../activities/activities.ts';
import { errorOf, FinalError, StreamError, type Failure, type Outcome } from '../streams/errors.ts';
import { messageOf } from '../message-of.ts';

/** The steps of an orchestration: it yields tasks, and is given their results. */
export type Steps<Result> = Generator<Task, Result, unknown>;

/** Seconds before the second, third, … try; the last one stays. */
const pauses = [1, 2, 4, 8, 15, 30];

export function pauseBefore(retry: number): number {
  return (pauses[Math.min(retry, pauses.length - 1)] ?? 30) * 1000;
}

/**
 * Runs an activity until it succeeds or fails for good; what may pass is tried again, more and more seldom, for so
 * many minutes.
 * @throws StreamError
 */
export function* perform<Name extends ActivityName>(
  context: OrchestrationContext,
  name: Name,
  input: ActivityInput<Name>,
  minutes: number,
): Steps<ActivityValue<Name>> {
  const deadline = context.df.currentUtcDateTime.getTime() + minutes * 60_000;
  for (let retry = 0; ; retry += 1) {
    const outcome = yield* once(context, name, input);
    if (outcome.ok) return outcome.value;
    const next = context.df.currentUtcDateTime.getTime() + pauseBefore(retry);
    if (!outcome.error.retriable || next > deadline) throw errorOf(outcome.error);
    yield context.df.createTimer(new Date(next));
  }
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
  if (error instanceof StreamError) {
    return { code: error.code, message: error.message, retriable: error.retriable };
  }
  const message = messageOf(error);
  return { code: 'internal', message: message.slice(0, 500), retriable: false };
}

export function canceledError(): FinalError {
  return new FinalError('canceled', 'The operation was canceled.');
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
