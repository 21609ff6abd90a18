import { childInstanceId } from './episode-events.ts';
import { eventTypes, type HistoryEvent, type RetryOptions } from './history.ts';
import type { LeafAction } from './orchestrator-state.ts';
import { OrchestratorFaultError } from './orchestrator-fault.ts';
import { timerPiece } from './timer-pieces.ts';

/** The functions an orchestrator may call. */
export interface CallableFunctions {
  readonly activities: ReadonlySet<string>;
  readonly orchestrators: ReadonlySet<string>;
}

/**
 * The event by which a new action of the orchestrator gets its task id, or undefined for one that has none.
 * @throws OrchestratorFaultError when this host has no such thing or the app no such function
 */
export function scheduledEvent(
  action: LeafAction,
  base: { readonly EventId: number; readonly Timestamp: string },
  { executionId, functions }: { executionId: string; functions: CallableFunctions },
): HistoryEvent | undefined {
  switch (action.actionType) {
    case 0:
    case 1:
      requireFunction(action.functionName, 'activity', functions.activities);
      return {
        EventType: eventTypes.taskScheduled,
        ...base,
        Name: action.functionName,
        Input: jsonOf(action.input),
        ...retryOf(action),
      };
    case 2:
    case 3:
      requireFunction(action.functionName, 'orchestrator', functions.orchestrators);
      return {
        EventType: eventTypes.subOrchestrationCreated,
        ...base,
        Name: action.functionName,
        Input: jsonOf(action.input),
        InstanceId:
          action.instanceId === undefined || action.instanceId === null || action.instanceId === ''
            ? childInstanceId(executionId, base.EventId)
            : action.instanceId,
        ...retryOf(action),
      };
    case 4:
    case 6:
      return undefined;
    case 5:
      return timerPiece(Date.parse(action.fireAt), base, undefined);
    case 8:
      throw new OrchestratorFaultError(
        'callHttp is not supported by the local Functions host: use an activity.',
      );
    case 7:
    case 9:
    case 13:
    case 14:
      throw new OrchestratorFaultError('Entities are not supported by the local Functions host.');
  }
}

function jsonOf(input: unknown): string | null {
  return input === undefined ? null : JSON.stringify(input);
}

function retryOf(action: Extract<LeafAction, { actionType: 0 | 1 | 2 | 3 }>): {
  RetryOptions?: RetryOptions;
} {
  if (action.actionType === 0 || action.actionType === 2) return {};
  if (action.retryOptions.retryTimeoutInMilliseconds !== undefined) {
    throw new OrchestratorFaultError(
      'retryTimeoutInMilliseconds is not supported by the local Functions host (on the real one the orchestrator ' +
        'waits for ever once it has passed): use maxNumberOfAttempts.',
    );
  }
  return { RetryOptions: action.retryOptions };
}

function requireFunction(name: string, kind: string, known: ReadonlySet<string>): void {
  if (known.has(name.toLowerCase())) return;
  throw new OrchestratorFaultError(
    `The function '${name}' doesn't exist, is disabled, or is not an ${kind} function. Additional info: The ` +
      `following are the known ${kind} functions: ${[...known].map((one) => `'${one}'`).join(', ')}.`,
  );
}
