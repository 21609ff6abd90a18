import type { OrchestrationContext, Task } from 'durable-functions';
import type { ActivityInput, ActivityName, ActivityValue } from '../activities/activities.ts';
import { canceledError, type Outcome } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import { answerOf, perform, tryTo, type Steps } from './perform.ts';

/** The event that asks a run to stop. */
export const cancelEvent = 'cancel';

/**
 * A run's way of hearing that it is to stop. A task that has been waited for with `Task.any` must not stand in a
 * second one, so each long part waits for an event of its own; one that was waited for before is looked at between.
 */
export class Cancellation {
  readonly #context: OrchestrationContext;
  readonly #run: RunReference;
  readonly #waits: Task[] = [];

  constructor(context: OrchestrationContext, run: RunReference) {
    this.#context = context;
    this.#run = run;
  }

  get requested(): boolean {
    return this.#waits.some((wait) => wait.isCompleted);
  }

  /** @throws FinalError `canceled` */
  check(): void {
    if (this.requested) throw canceledError();
  }

  /**
   * `perform`, which does not wait for a next try once the event has come.
   * @throws StreamError
   */
  *perform<Name extends ActivityName>(
    name: Name,
    input: ActivityInput<Name>,
    minutes: number,
  ): Steps<ActivityValue<Name>> {
    return yield* perform(this.#context, name, input, minutes, (until) => this.#pause(until));
  }

  *#pause(until: Date): Steps<void> {
    this.check();
    const timer = this.#context.df.createTimer(until);
    const wait = this.#context.df.waitForExternalEvent(cancelEvent);
    this.#waits.push(wait);
    yield this.#context.df.Task.any([timer, wait]);
    if (!timer.isCompleted) timer.cancel();
    this.check();
  }

  /**
   * Waits for a sub-orchestration. When the event comes first, the run's claim says so to the steps under way,
   * `onCancel` stops what they wait for, and the sub-orchestration's own end is waited for, also when neither could be
   * done: nothing runs on.
   */
  *orCancel<Value>(task: Task, onCancel?: () => Steps<unknown>): Steps<Outcome<Value>> {
    this.check();
    const wait = this.#context.df.waitForExternalEvent(cancelEvent);
    this.#waits.push(wait);
    try {
      yield this.#context.df.Task.any([task, wait]);
    } catch {
      // Told by the task itself, below.
    }
    if (this.requested && !task.isCompleted && !task.isFaulted) {
      yield* tryTo(this.#context, 'requestCancel', { run: this.#run }, 10);
      if (onCancel !== undefined) yield* onCancel();
    }
    return yield* answerOf<Value>(task);
  }
}
