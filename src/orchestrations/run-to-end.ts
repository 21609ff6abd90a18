import type { OrchestrationContext } from 'durable-functions';
import type { FinishRunInput } from '../activities/finish-run.ts';
import { failureText, type Outcome } from '../streams/errors.ts';
import { failureFrom, tryTo, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';

/**
 * Does a run's work and then, whatever came of it, the last step of every run of a stream.
 * @throws Error whose text is the failure's: the durable engine keeps nothing else of it
 */
export function* runToEnd<Result>(
  context: OrchestrationContext,
  { run, kind }: Pick<FinishRunInput, 'run' | 'kind'>,
  work: () => Steps<Result>,
  isProtected: (result: Result) => boolean,
): Steps<Result> {
  let outcome: Outcome<Result>;
  try {
    outcome = { ok: true, value: yield* work() };
  } catch (error) {
    outcome = { ok: false, error: failureFrom(error) };
  }
  const summary: FinishRunInput = outcome.ok
    ? { run, kind, protected: isProtected(outcome.value), error: null }
    : { run, kind, protected: false, error: outcome.error };
  yield* tryTo(context, 'finishRun', summary);
  if (!outcome.ok) throw new Error(failureText(outcome.error));
  context.df.setCustomStatus(statusOf('done'));
  return outcome.value;
}
