import type { OrchestrationHandler } from 'durable-functions';
import { expect } from 'vitest';
import { copyOf, replay, type, type Action, type HistoryEvent, type ReplayedState } from './episode.ts';

/** One generation of an orchestration, whole: what the durable tables hold of it, and how it ended. */
export interface RecordedGeneration {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly events: readonly HistoryEvent[];
  readonly outcome:
    { readonly output: unknown } | { readonly error: string } | { readonly continued: unknown };
}

/**
 * Replays a recorded generation, episode after episode, as the durable engine does with a run that was under way when
 * the app was deployed anew.
 * @throws Error when the orchestration, as it is now, asks for something else than it did then
 */
export async function replayRecorded(
  handler: OrchestrationHandler,
  { id, name, input, events, outcome }: RecordedGeneration,
): Promise<{ readonly episodes: number }> {
  const asks: readonly number[] = [type.taskScheduled, type.subCreated, type.timerCreated];
  const starts = events.flatMap(({ EventType }, index) => (EventType === type.started ? [index] : []));
  let last: ReplayedState | undefined;
  for (const [episode, start] of starts.entries()) {
    const end = starts[episode + 1] ?? events.length;
    const asked = events.findIndex(
      ({ EventType }, index) => index > start && (asks.includes(EventType) || EventType === type.completed),
    );
    const history = events.slice(0, asked === -1 ? end : asked).map((event, index) => ({
      ...event,
      Timestamp: new Date(event.Timestamp),
      IsPlayed: index < start,
    }));
    last = await replay(handler, { id, name, input, history });
    const then = events.slice(0, end).filter(({ EventType }) => asks.includes(EventType));
    expect(askedFor(last.actions.flat()), `${id}, episode ${episode}`).toEqual(
      then.map(({ EventType, Name, InstanceId }) => [
        EventType,
        Name ?? '',
        EventType === type.subCreated ? InstanceId : '',
      ]),
    );
  }
  const continued = last?.actions.flat().find(({ actionType }) => actionType === 4);
  const now =
    continued !== undefined
      ? { continued: continued.input }
      : last?.error !== undefined
        ? { error: last.error }
        : { output: last?.output };
  expect(copyOf(now), id).toEqual(outcome);
  return { episodes: starts.length };
}

/** What an orchestration has asked for, in the order of the tasks' ids: type, name and instance id. */
function askedFor(actions: readonly Action[]): unknown[] {
  return actions.flatMap((action): unknown[] => {
    if (action.compoundActions !== undefined) return askedFor(action.compoundActions);
    const { actionType, functionName = '', instanceId = '' } = action;
    if (actionType === 0) return [[type.taskScheduled, functionName, '']];
    if (actionType === 2) return [[type.subCreated, functionName, instanceId]];
    return actionType === 5 ? [[type.timerCreated, '', '']] : [];
  });
}
