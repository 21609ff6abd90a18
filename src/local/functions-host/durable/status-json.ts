import { eventTypes, type CallEvent, type HistoryEvent } from './history.ts';
import type { InstanceRecord } from './instance-record.ts';

/** Seconds, as the Durable extension writes times. */
const timeText = (time: Date): string => `${time.toISOString().slice(0, 19)}Z`;
const parse = (json: string | null): unknown => (json === null ? null : (JSON.parse(json) as unknown));

/** An instance's status as the management API gives it. */
export function statusJson(
  record: InstanceRecord,
  options: { showInput: boolean; history?: readonly HistoryEvent[] | undefined; showHistoryOutput?: boolean },
): Record<string, unknown> {
  return {
    name: record.name,
    instanceId: record.instanceId,
    runtimeStatus: record.status,
    input: options.showInput ? parse(record.input) : null,
    customStatus: parse(record.customStatus),
    output: parse(record.output),
    createdTime: timeText(record.createdTime),
    lastUpdatedTime: timeText(record.lastUpdatedTime),
    ...(options.history === undefined
      ? {}
      : { historyEvents: historyJson(options.history, options.showHistoryOutput === true) }),
  };
}

/** The events that tell what happened; what only started is told with its end. */
function historyJson(history: readonly HistoryEvent[], showOutput: boolean): unknown[] {
  const started = new Map<number, CallEvent>();
  return history.flatMap((event): Record<string, unknown>[] => {
    const { Timestamp } = event;
    switch (event.EventType) {
      case eventTypes.executionStarted:
        return [{ EventType: 'ExecutionStarted', FunctionName: event.Name, Timestamp }];
      case eventTypes.taskScheduled:
      case eventTypes.subOrchestrationCreated:
        started.set(event.EventId, event);
        return [];
      case eventTypes.taskCompleted:
      case eventTypes.subOrchestrationCompleted:
      case eventTypes.taskFailed:
      case eventTypes.subOrchestrationFailed: {
        const of = started.get(event.TaskScheduledId);
        const shared = { Timestamp, ScheduledTime: of?.Timestamp, FunctionName: of?.Name };
        if ('Reason' in event) {
          const { Reason, Details } = event;
          return [{ EventType: names[event.EventType], ...shared, Reason, Details }];
        }
        const Result = showOutput ? parse(event.Result) : undefined;
        return [{ EventType: names[event.EventType], ...shared, Result }];
      }
      case eventTypes.timerCreated:
        return [{ EventType: 'TimerCreated', Timestamp, FireAt: event.FireAt }];
      case eventTypes.timerFired:
        return [{ EventType: 'TimerFired', Timestamp, FireAt: event.FireAt }];
      case eventTypes.eventRaised:
        return [
          {
            EventType: 'EventRaised',
            Timestamp,
            Name: event.Name,
            ...(showOutput ? { Input: parse(event.Input) } : {}),
          },
        ];
      case eventTypes.executionCompleted:
      case eventTypes.executionTerminated: {
        const { OrchestrationStatus } = event;
        const Result = showOutput ? parse(event.Result) : undefined;
        return [{ EventType: names[event.EventType], OrchestrationStatus, Result, Timestamp }];
      }
      default:
        return [];
    }
  });
}

const names = {
  [eventTypes.taskCompleted]: 'TaskCompleted',
  [eventTypes.taskFailed]: 'TaskFailed',
  [eventTypes.subOrchestrationCompleted]: 'SubOrchestrationInstanceCompleted',
  [eventTypes.subOrchestrationFailed]: 'SubOrchestrationInstanceFailed',
  [eventTypes.executionCompleted]: 'ExecutionCompleted',
  [eventTypes.executionTerminated]: 'ExecutionTerminated',
} as const;
