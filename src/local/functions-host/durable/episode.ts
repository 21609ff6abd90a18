import { episodeEvents } from './episode-events.ts';
import { eventTypes, type HistoryEvent } from './history.ts';
import type { Message } from './messages.ts';
import type { OpenTasks } from './open-tasks.ts';
import {
  actionTypes,
  canceledTimers,
  newLeaves,
  type LeafAction,
  type OrchestratorState,
} from './orchestrator-state.ts';
import { OrchestratorFaultError } from './orchestrator-fault.ts';
import { scheduledEvent, versionOf, type CallableFunctions } from './scheduling.ts';

/** The orchestration as an episode finds it. */
export interface EpisodeStart {
  readonly name: string;
  readonly executionId: string;
  /** JSON. */
  readonly input: string | null;
  readonly version: string | undefined;
  readonly tasks: OpenTasks;
}

/** How the orchestration stands after an episode. */
export type EpisodeEnd =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'completed'; readonly output: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly message: string }
  | { readonly kind: 'continuedAsNew'; readonly input: string | null };

export interface Episode {
  /** What the episode adds to the history. */
  readonly events: readonly HistoryEvent[];
  readonly end: EpisodeEnd;
  /** JSON. */
  readonly customStatus: string | undefined;
}

/** 16 KB of UTF-16 text, as the Durable extension allows. */
const longestCustomStatus = 8 * 1024;

/**
 * Runs the orchestrator once over what is new, and takes up what it does next. `tasks` is left as it stands after the
 * episode. Nothing is written: the caller commits the events, or forgets `tasks` and starts from the stored history.
 */
export async function runEpisode(
  start: EpisodeStart,
  options: {
    readonly messages: readonly Message[];
    readonly now: Date;
    readonly functions: CallableFunctions;
    /** Of sub-orchestrations that are called without one. */
    readonly defaultVersion: string | undefined;
    readonly run: (news: readonly HistoryEvent[]) => Promise<OrchestratorState>;
  },
): Promise<Episode | undefined> {
  const { tasks, executionId } = start;
  const { now } = options;
  const base = { EventId: -1, Timestamp: now.toISOString() };
  const { news, scheduled } = episodeEvents(tasks, { messages: options.messages, executionId, now });
  if (news.length === 0 && tasks.started) return undefined;

  const events: HistoryEvent[] = [{ EventType: eventTypes.orchestratorStarted, ...base }];
  if (!tasks.started) {
    const { name: Name, input: Input, version } = start;
    events.push({ EventType: eventTypes.executionStarted, ...base, Name, Input, ...versionOf(version) });
  }
  events.push(...news);
  const state = await options.run(events);
  for (const event of [...events, ...scheduled]) tasks.apply(event);

  const fresh = takeUpActions(start, { ...options, state, timestamp: base.Timestamp });
  const completed: HistoryEvent = {
    EventType: eventTypes.orchestratorCompleted,
    ...base,
    ActionsTaken: state.actions.length,
  };
  tasks.apply(completed);
  const end = fresh.fault ?? endOf(start.name, state, fresh.actions);
  const all = [...events, ...scheduled, ...fresh.events, completed];
  if (end.kind === 'completed' || end.kind === 'failed') {
    all.push({
      EventType: eventTypes.executionCompleted,
      ...base,
      OrchestrationStatus: end.kind === 'completed' ? 'Completed' : 'Failed',
      Result: end.kind === 'completed' ? end.output : JSON.stringify(end.reason),
    });
  }
  return { events: all, end, customStatus: state.customStatus };
}

function takeUpActions(
  { name, executionId, tasks }: EpisodeStart,
  {
    state,
    functions,
    defaultVersion,
    timestamp,
  }: {
    state: OrchestratorState;
    functions: CallableFunctions;
    defaultVersion: string | undefined;
    timestamp: string;
  },
): { events: HistoryEvent[]; actions: readonly LeafAction[]; fault?: EpisodeEnd } {
  const events: HistoryEvent[] = [];
  let actions: readonly LeafAction[] = [];
  try {
    actions = newLeaves(state, tasks.actionsTaken);
    for (const action of actions) {
      const base = { EventId: tasks.nextId, Timestamp: timestamp };
      const event = scheduledEvent(action, base, { executionId, functions, defaultVersion });
      if (event === undefined) continue;
      tasks.apply(event);
      events.push(event);
    }
    if ((state.customStatus?.length ?? 0) > longestCustomStatus) {
      throw new OrchestratorFaultError('The custom status is longer than 16 KB of UTF-16 text.');
    }
  } catch (error) {
    if (!(error instanceof OrchestratorFaultError)) throw error;
    return { events: [], actions, fault: failed(name, error.message) };
  }
  for (const [position, isCanceled] of canceledTimers(state).entries()) {
    if (isCanceled) tasks.cancelOwnTimer(position);
  }
  return { events, actions };
}

function failed(name: string, message: string): EpisodeEnd {
  return { kind: 'failed', message, reason: `Orchestrator function '${name}' failed: ${message}` };
}

function endOf(name: string, state: OrchestratorState, actions: readonly LeafAction[]): EpisodeEnd {
  if (state.error !== undefined) return failed(name, state.error);
  if (!state.isDone) return { kind: 'waiting' };
  for (const action of actions) {
    if (action.actionType === actionTypes.continueAsNew) {
      return {
        kind: 'continuedAsNew',
        input: action.input === undefined ? null : JSON.stringify(action.input),
      };
    }
  }
  return { kind: 'completed', output: state.output };
}
