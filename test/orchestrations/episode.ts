import { DummyOrchestrationContext, type OrchestrationHandler } from 'durable-functions';
import { createOrchestrator, DurableOrchestrationInput } from 'durable-functions/lib/src/util/testingUtils';

/** What a history holds; names and numbers as the durable engine's (see `HistoryEventType`). */
export interface HistoryEvent {
  readonly EventType: number;
  readonly EventId: number;
  readonly Timestamp: Date;
  IsPlayed: boolean;
  readonly [more: string]: unknown;
}

export interface Action {
  readonly actionType: number;
  readonly functionName?: string;
  readonly input?: unknown;
  readonly instanceId?: string;
  readonly fireAt?: string | Date;
  readonly compoundActions?: readonly Action[];
}

/** The kinds of events. */
export const type = {
  executionStarted: 0,
  taskScheduled: 4,
  taskCompleted: 5,
  taskFailed: 6,
  subCreated: 7,
  subCompleted: 8,
  subFailed: 9,
  timerCreated: 10,
  timerFired: 11,
  started: 12,
  completed: 13,
  eventRaised: 15,
} as const;

export interface ReplayedState {
  readonly isDone: boolean;
  readonly actions: readonly (readonly Action[])[];
  readonly output?: unknown;
  readonly error?: string;
  readonly customStatus?: unknown;
}

/** One episode: the SDK's own executor replays a history. */
export async function replay(
  handler: OrchestrationHandler,
  instance: {
    readonly id: string;
    readonly name: string;
    readonly input: unknown;
    readonly history: readonly HistoryEvent[];
  },
): Promise<ReplayedState> {
  const trigger = new DurableOrchestrationInput(
    instance.id,
    instance.history.map((event) => ({ ...event })),
    copyOf(instance.input),
    undefined,
    undefined,
    undefined,
    2,
  );
  try {
    const state: unknown = await createOrchestrator(handler)(
      trigger,
      new DummyOrchestrationContext(instance.name),
    );
    return copyOf(state) as never;
  } catch (error) {
    const [, json] = (error as Error).message.split('$OutOfProcData$:');
    if (json === undefined) throw error;
    return JSON.parse(json) as never;
  }
}

/** As JSON keeps it. */
export function copyOf(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}
