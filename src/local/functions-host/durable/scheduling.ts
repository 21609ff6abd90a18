import { childInstanceId } from './episode-events.ts';
import { eventTypes, type HistoryEvent, type RetryOptions } from './history.ts';
import { actionTypes, type LeafAction } from './orchestrator-state.ts';
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
  {
    executionId,
    functions,
    defaultVersion,
  }: { executionId: string; functions: CallableFunctions; defaultVersion: string | undefined },
): HistoryEvent | undefined {
  switch (action.actionType) {
    case actionTypes.callActivity:
    case actionTypes.callActivityWithRetry:
      requireFunction(action.functionName, 'activity', functions.activities);
      return {
        EventType: eventTypes.taskScheduled,
        ...base,
        Name: action.functionName,
        Input: jsonOf(action.input),
        ...retryOf(action),
      };
    case actionTypes.callSubOrchestrator:
    case actionTypes.callSubOrchestratorWithRetry:
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
        ...versionOf(action.version ?? defaultVersion),
        ...retryOf(action),
      };
    case actionTypes.continueAsNew:
    case actionTypes.waitForExternalEvent:
      return undefined;
    case actionTypes.createTimer:
      return timerPiece(Date.parse(action.fireAt), base, undefined);
    case actionTypes.callHttp:
      throw new OrchestratorFaultError(
        'callHttp is not supported by the local Functions host: use an activity.',
      );
    case actionTypes.callEntity:
    case actionTypes.signalEntity:
    case actionTypes.lockEntities:
    case actionTypes.releaseEntities:
      throw new OrchestratorFaultError('Entities are not supported by the local Functions host.');
  }
}

/** As an event has it: nothing when there is none. */
export function versionOf(version: string | undefined): { Version?: string } {
  return version === undefined ? {} : { Version: version };
}

function jsonOf(input: unknown): string | null {
  return input === undefined ? null : JSON.stringify(input);
}

function retryOf(action: Extract<LeafAction, { functionName: string }>): {
  RetryOptions?: RetryOptions;
} {
  if (!('retryOptions' in action)) return {};
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
