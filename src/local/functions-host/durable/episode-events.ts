import { eventTypes, type HistoryEvent } from './history.ts';
import type { Message } from './messages.ts';
import type { OpenTask, OpenTasks, RetriedCall } from './open-tasks.ts';
import { timerPiece } from './timer-pieces.ts';

/** What an episode starts from: the news, and the tasks that the news alone schedules (retries). */
export interface EpisodeEvents {
  /** In the order in which the orchestrator must see them. */
  readonly news: readonly HistoryEvent[];
  readonly scheduled: readonly HistoryEvent[];
}

/**
 * Turns messages and due timers into history events. What no open task waits for any more is left out: a message that
 * comes twice, or one to an earlier execution.
 *
 * `durable-functions` gives a retried call's next attempt or pause its task id at the moment it sees the event, and the
 * tasks of resumed orchestrator code theirs later. So the events that allocate ids are delivered first: then the ids
 * on both sides agree whatever the orchestrator goes on with.
 */
export function episodeEvents(
  tasks: OpenTasks,
  { messages, executionId, now }: { messages: readonly Message[]; executionId: string; now: Date },
): EpisodeEvents {
  const timestamp = now.toISOString();
  const allocating: HistoryEvent[] = [];
  const others: HistoryEvent[] = [];
  const scheduled: HistoryEvent[] = [];
  let nextId = tasks.nextId;

  for (const timer of tasks.dueTimers(now.getTime())) {
    const fired: HistoryEvent = {
      EventType: eventTypes.timerFired,
      EventId: -1,
      Timestamp: timestamp,
      TimerId: timer.id,
      FireAt: new Date(timer.fireAt).toISOString(),
    };
    const next = afterTimer(timer, { EventId: nextId, Timestamp: timestamp }, executionId);
    if (next === undefined) others.push(fired);
    else {
      nextId++;
      allocating.push(fired);
      scheduled.push(next);
    }
  }

  const seen = new Set<number>();
  for (const message of messages) {
    if (message.kind === 'event') {
      const { name: Name, input: Input } = message;
      others.push({ EventType: eventTypes.eventRaised, EventId: -1, Timestamp: timestamp, Name, Input });
    }
    if (message.kind !== 'taskResult' && message.kind !== 'subOrchestrationResult') continue;
    const task = tasks.get(message.taskId);
    const kind = message.kind === 'taskResult' ? 'activity' : 'subOrchestration';
    if (task?.kind !== kind || message.executionId !== executionId || seen.has(task.id)) continue;
    seen.add(task.id);
    const completion = completionOf(task, message, timestamp);
    if (message.outcome.failed && task.retry !== undefined) {
      allocating.push(completion);
      scheduled.push(pauseAfter(task.retry, { EventId: nextId++, Timestamp: timestamp }, now.getTime()));
    } else others.push(completion);
  }
  return { news: [...allocating, ...others], scheduled };
}

function completionOf(
  task: Extract<OpenTask, { kind: 'activity' | 'subOrchestration' }>,
  { outcome }: Extract<Message, { kind: 'taskResult' | 'subOrchestrationResult' }>,
  timestamp: string,
): HistoryEvent {
  const base = { EventId: -1, Timestamp: timestamp, TaskScheduledId: task.id };
  const isActivity = task.kind === 'activity';
  if (outcome.failed) {
    const EventType = isActivity ? eventTypes.taskFailed : eventTypes.subOrchestrationFailed;
    return { EventType, ...base, Reason: outcome.reason, Details: outcome.details };
  }
  const EventType = isActivity ? eventTypes.taskCompleted : eventTypes.subOrchestrationCompleted;
  return { EventType, ...base, Result: outcome.result };
}

/** The latest time a Date can be (ECMA-262, 21.4.1.1): a backoff grows beyond it in a few hundred attempts. */
const latestTime = 8.64e15;

/** The pause after a failed attempt. There is one after the last attempt too: DurableTask.Core makes it so. */
function pauseAfter(
  { firstTaskId, attempt, options }: RetriedCall,
  base: { EventId: number; Timestamp: string },
  now: number,
): HistoryEvent {
  const { firstRetryIntervalInMilliseconds: first, backoffCoefficient = 1 } = options;
  const longest = options.maxRetryIntervalInMilliseconds ?? Infinity;
  const pause = Math.min(first * backoffCoefficient ** (attempt - 1), longest, latestTime - now);
  return {
    EventType: eventTypes.timerCreated,
    ...base,
    FireAt: new Date(now + pause).toISOString(),
    AttemptOf: { FirstTaskId: firstTaskId, Attempt: attempt },
  };
}

function afterTimer(
  timer: Extract<OpenTask, { kind: 'timer' }>,
  base: { EventId: number; Timestamp: string },
  executionId: string,
): HistoryEvent | undefined {
  const { retry, finalFireAt, firstPieceId } = timer;
  if (retry !== undefined) {
    if (retry.attempt >= retry.options.maxNumberOfAttempts) return undefined;
    const AttemptOf = { FirstTaskId: retry.firstTaskId, Attempt: retry.attempt + 1 };
    const { Name, Input } = retry.event;
    if (retry.event.EventType === eventTypes.taskScheduled) {
      return { EventType: eventTypes.taskScheduled, ...base, Name, Input, AttemptOf };
    }
    // A child with an id of the orchestrator's choice keeps it; one with a made-up id gets a new one.
    const { InstanceId, EventId } = retry.event;
    const madeUp = InstanceId === childInstanceId(executionId, EventId);
    return {
      EventType: eventTypes.subOrchestrationCreated,
      ...base,
      Name,
      Input,
      AttemptOf,
      InstanceId: madeUp ? childInstanceId(executionId, base.EventId) : InstanceId,
    };
  }
  if (finalFireAt === undefined) return undefined;
  return timerPiece(finalFireAt, base, firstPieceId);
}

/** The instance id of a sub-orchestration for which the orchestrator chose none. */
export function childInstanceId(executionId: string, taskId: number): string {
  return `${executionId}:${taskId.toString(16).padStart(4, '0')}`;
}
