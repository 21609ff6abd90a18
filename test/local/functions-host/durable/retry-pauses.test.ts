import { describe, expect, it } from 'vitest';
import { episodeEvents } from '../../../../src/local/functions-host/durable/episode-events.ts';
import {
  eventTypes,
  type HistoryEvent,
  type RetryOptions,
} from '../../../../src/local/functions-host/durable/history.ts';
import { failure } from '../../../../src/local/functions-host/durable/messages.ts';
import { OpenTasks } from '../../../../src/local/functions-host/durable/open-tasks.ts';

const start = Date.UTC(2026, 0, 1);

/** The pause after an attempt of a retried call, in milliseconds. */
function pauseAfter(attempt: number, options: Partial<RetryOptions>): number {
  const tasks = new OpenTasks();
  const base = { Timestamp: new Date(start).toISOString(), Name: 'call', Input: null };
  const RetryOptions = { firstRetryIntervalInMilliseconds: 100, maxNumberOfAttempts: 1000, ...options };
  const first: HistoryEvent = { EventType: eventTypes.taskScheduled, EventId: 0, ...base, RetryOptions };
  tasks.apply(first);
  const again = { FirstTaskId: 0, Attempt: attempt };
  if (attempt > 1) {
    tasks.apply({ EventType: eventTypes.taskScheduled, EventId: 1, ...base, AttemptOf: again });
  }
  const taskId = attempt > 1 ? 1 : 0;
  const failed = { executionId: 'x', taskId, outcome: failure('failed', 'failed') };
  const { scheduled } = episodeEvents(tasks, {
    messages: [{ kind: 'taskResult', key: 'failed', ...failed }],
    executionId: 'x',
    now: new Date(start),
  });
  const [timer] = scheduled;
  if (timer?.EventType !== eventTypes.timerCreated) throw new Error('no pause');
  return Date.parse(timer.FireAt) - start;
}

describe('the pause before a call is tried again', () => {
  it.each([
    [1, {}, 100],
    [9, {}, 100],
    [1, { backoffCoefficient: 2 }, 100],
    [4, { backoffCoefficient: 2 }, 800],
    [4, { backoffCoefficient: 2, maxRetryIntervalInMilliseconds: 500 }, 500],
    [3, { backoffCoefficient: 0.5 }, 25],
  ])('after attempt %i with %o is %i ms', (attempt, options, pause) => {
    expect(pauseAfter(attempt, options)).toBe(pause);
  });

  it('grows to the end of time at most', () => {
    expect(start + pauseAfter(999, { backoffCoefficient: 10 })).toBe(8.64e15);
  });
});
