/**
 * The history of an orchestration, in the form in which `durable-functions` 3.x reads it (the event types of
 * DurableTask.Core, by number).
 */
export const eventTypes = {
  executionStarted: 0,
  executionCompleted: 1,
  executionTerminated: 3,
  taskScheduled: 4,
  taskCompleted: 5,
  taskFailed: 6,
  subOrchestrationCreated: 7,
  subOrchestrationCompleted: 8,
  subOrchestrationFailed: 9,
  timerCreated: 10,
  timerFired: 11,
  orchestratorStarted: 12,
  orchestratorCompleted: 13,
  eventRaised: 15,
} as const;

/** The options of a retried call, as `durable-functions` writes them. Milliseconds. */
export interface RetryOptions {
  readonly firstRetryIntervalInMilliseconds: number;
  readonly maxNumberOfAttempts: number;
  readonly backoffCoefficient?: number | undefined;
  readonly maxRetryIntervalInMilliseconds?: number | undefined;
}

/** Which retried call an attempt or a waiting time belongs to: the task id of its first attempt. */
interface AttemptOf {
  readonly FirstTaskId: number;
  readonly Attempt: number;
}

interface Base {
  readonly EventId: number;
  /** ISO 8601. */
  readonly Timestamp: string;
}

interface Scheduled extends Base {
  readonly Name: string;
  /** JSON. */
  readonly Input: string | null;
  /** On the first attempt of a retried call. */
  readonly RetryOptions?: RetryOptions;
  /** On later attempts of a retried call. */
  readonly AttemptOf?: AttemptOf;
}

interface Completed extends Base {
  readonly TaskScheduledId: number;
  /** JSON. */
  readonly Result: string;
}

interface Failed extends Base {
  readonly TaskScheduledId: number;
  readonly Reason: string;
  readonly Details: string;
}

export type HistoryEvent =
  | (Base & {
      readonly EventType: typeof eventTypes.executionStarted;
      readonly Name: string;
      readonly Input: string | null;
      readonly Version?: string;
    })
  | (Base & {
      readonly EventType: typeof eventTypes.executionCompleted | typeof eventTypes.executionTerminated;
      readonly OrchestrationStatus: string;
      readonly Result: string | null;
    })
  | (Scheduled & { readonly EventType: typeof eventTypes.taskScheduled })
  | (Scheduled & {
      readonly EventType: typeof eventTypes.subOrchestrationCreated;
      readonly InstanceId: string;
      readonly Version?: string;
    })
  | (Completed & {
      readonly EventType: typeof eventTypes.taskCompleted | typeof eventTypes.subOrchestrationCompleted;
    })
  | (Failed & { readonly EventType: typeof eventTypes.taskFailed | typeof eventTypes.subOrchestrationFailed })
  | (Base & {
      readonly EventType: typeof eventTypes.timerCreated;
      readonly FireAt: string;
      /** On the pause after a failed attempt. */
      readonly AttemptOf?: AttemptOf;
      /** On a piece of a timer that is longer than one may be. */
      readonly FinalFireAt?: string;
      /** On its later pieces: the task id of the first one. */
      readonly FirstPieceId?: number;
    })
  | (Base & {
      readonly EventType: typeof eventTypes.timerFired;
      readonly TimerId: number;
      readonly FireAt: string;
    })
  | (Base & { readonly EventType: typeof eventTypes.orchestratorStarted })
  | (Base & {
      readonly EventType: typeof eventTypes.orchestratorCompleted;
      /** How many of the orchestrator's actions have been taken up by now. */
      readonly ActionsTaken: number;
    })
  | (Base & {
      readonly EventType: typeof eventTypes.eventRaised;
      readonly Name: string;
      readonly Input: string | null;
    });

type EventOf<Type extends HistoryEvent['EventType']> = Extract<HistoryEvent, { EventType: Type }>;

export type ActivityEvent = EventOf<typeof eventTypes.taskScheduled>;
export type ChildEvent = EventOf<typeof eventTypes.subOrchestrationCreated>;
/** What has a name, an input and, later, a result. */
export type CallEvent = ActivityEvent | ChildEvent;
export type TimerEvent = EventOf<typeof eventTypes.timerCreated>;
