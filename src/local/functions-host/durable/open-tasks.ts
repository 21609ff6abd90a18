import {
  eventTypes,
  type CallEvent,
  type HistoryEvent,
  type RetryOptions,
  type TimerEvent,
} from './history.ts';

/** A call that is retried: what its next attempt needs to know. */
export interface RetriedCall {
  readonly firstTaskId: number;
  readonly attempt: number;
  readonly options: RetryOptions;
  readonly event: CallEvent;
}

export type OpenTask =
  | {
      readonly kind: 'activity';
      readonly id: number;
      readonly name: string;
      readonly input: string | null;
      readonly retry: RetriedCall | undefined;
    }
  | {
      readonly kind: 'subOrchestration';
      readonly id: number;
      readonly name: string;
      readonly input: string | null;
      readonly instanceId: string;
      readonly retry: RetriedCall | undefined;
    }
  | {
      readonly kind: 'timer';
      readonly id: number;
      /** Milliseconds since 1970. */
      readonly fireAt: number;
      /** Set on a piece of a longer timer. */
      readonly finalFireAt: number | undefined;
      readonly firstPieceId: number;
      readonly retry: RetriedCall | undefined;
    };

/** What an orchestration has started and not yet heard the end of, read off its history event by event. */
export class OpenTasks {
  /** The id of the next task. */
  nextId = 0;
  /** How many of the orchestrator's top-level actions have been taken up. */
  actionsTaken = 0;
  started = false;
  readonly #open = new Map<number, OpenTask>();
  readonly #retried = new Map<number, RetriedCall>();
  /** The first pieces of the timers the orchestrator itself created, in the order of their actions. */
  readonly #ownTimers: number[] = [];

  apply(event: HistoryEvent): void {
    switch (event.EventType) {
      case eventTypes.executionStarted:
        this.started = true;
        break;
      case eventTypes.taskScheduled:
      case eventTypes.subOrchestrationCreated:
        this.#called(event);
        break;
      case eventTypes.timerCreated:
        this.#timerCreated(event);
        break;
      case eventTypes.taskCompleted:
      case eventTypes.taskFailed:
      case eventTypes.subOrchestrationCompleted:
      case eventTypes.subOrchestrationFailed:
        this.#open.delete(event.TaskScheduledId);
        break;
      case eventTypes.timerFired:
        this.#open.delete(event.TimerId);
        break;
      case eventTypes.orchestratorCompleted:
        this.actionsTaken = event.ActionsTaken;
        break;
      default:
        break;
    }
  }

  get(id: number): OpenTask | undefined {
    return this.#open.get(id);
  }

  all(): IterableIterator<OpenTask> {
    return this.#open.values();
  }

  /** Drops the timer that stands at this place among the timers of the orchestrator's own actions. */
  cancelOwnTimer(position: number): void {
    const firstPieceId = this.#ownTimers[position];
    for (const task of this.#open.values()) {
      if (task.kind === 'timer' && task.firstPieceId === firstPieceId) this.#open.delete(task.id);
    }
  }

  /** Timers whose time has come, earliest first. */
  dueTimers(now: number): Extract<OpenTask, { kind: 'timer' }>[] {
    return [...this.#open.values()]
      .filter((task) => task.kind === 'timer')
      .filter(({ fireAt }) => fireAt <= now)
      .sort((a, b) => a.fireAt - b.fireAt || a.id - b.id);
  }

  /** When the next timer fires, in milliseconds since 1970. */
  nextTimer(): number | undefined {
    let next: number | undefined;
    for (const task of this.#open.values()) {
      if (task.kind === 'timer' && (next === undefined || task.fireAt < next)) next = task.fireAt;
    }
    return next;
  }

  #called(event: CallEvent): void {
    const { EventId: id, Name: name, Input: input } = event;
    this.nextId = id + 1;
    const retry = this.#retryOf(event);
    this.#open.set(
      id,
      event.EventType === eventTypes.taskScheduled
        ? { kind: 'activity', id, name, input, retry }
        : { kind: 'subOrchestration', id, name, input, instanceId: event.InstanceId, retry },
    );
  }

  #retryOf(event: CallEvent): RetriedCall | undefined {
    if (event.RetryOptions !== undefined) {
      const first = { firstTaskId: event.EventId, attempt: 1, options: event.RetryOptions, event };
      this.#retried.set(event.EventId, first);
      return first;
    }
    return this.#attempt(event.AttemptOf);
  }

  #attempt(of: { FirstTaskId: number; Attempt: number } | undefined): RetriedCall | undefined {
    const first = of === undefined ? undefined : this.#retried.get(of.FirstTaskId);
    return of === undefined || first === undefined ? undefined : { ...first, attempt: of.Attempt };
  }

  #timerCreated(event: TimerEvent): void {
    const { EventId: id, FireAt, FinalFireAt } = event;
    this.nextId = id + 1;
    const retry = this.#attempt(event.AttemptOf);
    const firstPieceId = event.FirstPieceId ?? id;
    if (retry === undefined && firstPieceId === id) this.#ownTimers.push(id);
    const finalFireAt = FinalFireAt === undefined ? undefined : Date.parse(FinalFireAt);
    this.#open.set(id, { kind: 'timer', id, fireAt: Date.parse(FireAt), finalFireAt, firstPieceId, retry });
  }
}
