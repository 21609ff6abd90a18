import { z } from 'zod';
import { messageOf } from '../../../message-of.ts';
import { OrchestratorFaultError } from './orchestrator-fault.ts';

/** The kinds of actions, by the numbers that `durable-functions` 3.x gives them. */
export const actionTypes = {
  callActivity: 0,
  callActivityWithRetry: 1,
  callSubOrchestrator: 2,
  callSubOrchestratorWithRetry: 3,
  continueAsNew: 4,
  createTimer: 5,
  waitForExternalEvent: 6,
  callEntity: 7,
  callHttp: 8,
  signalEntity: 9,
  whenAny: 11,
  whenAll: 12,
  lockEntities: 13,
  releaseEntities: 14,
} as const;

const retryOptions = z.object({
  firstRetryIntervalInMilliseconds: z.number(),
  maxNumberOfAttempts: z.number(),
  backoffCoefficient: z.number().optional(),
  maxRetryIntervalInMilliseconds: z.number().optional(),
  retryTimeoutInMilliseconds: z.number().optional(),
});

const input = z.unknown().optional();
const call = { functionName: z.string(), input };
const instanceId = z.string().nullish();
const version = z.string().nullish();

const leafAction = z.discriminatedUnion('actionType', [
  z.object({ actionType: z.literal(actionTypes.callActivity), ...call }),
  z.object({ actionType: z.literal(actionTypes.callActivityWithRetry), ...call, retryOptions }),
  z.object({ actionType: z.literal(actionTypes.callSubOrchestrator), ...call, instanceId, version }),
  z.object({
    actionType: z.literal(actionTypes.callSubOrchestratorWithRetry),
    ...call,
    instanceId,
    version,
    retryOptions,
  }),
  z.object({ actionType: z.literal(actionTypes.continueAsNew), input }),
  z.object({ actionType: z.literal(actionTypes.createTimer), fireAt: z.string(), isCanceled: z.boolean() }),
  z.object({ actionType: z.literal(actionTypes.waitForExternalEvent), externalEventName: z.string() }),
  z.object({
    actionType: z.literal([
      actionTypes.callEntity,
      actionTypes.callHttp,
      actionTypes.signalEntity,
      actionTypes.lockEntities,
      actionTypes.releaseEntities,
    ]),
  }),
]);

export type LeafAction = z.infer<typeof leafAction>;
export type Action =
  | LeafAction
  | { actionType: typeof actionTypes.whenAny | typeof actionTypes.whenAll; compoundActions: Action[] };

const action: z.ZodType<Action> = z.union([
  leafAction,
  z.object({
    actionType: z.literal([actionTypes.whenAny, actionTypes.whenAll]),
    compoundActions: z.lazy(() => z.array(action)),
  }),
]);

/**
 * What an orchestrator function of `durable-functions` 3.x answers (schema V3): all its actions since the start, in
 * the order in which it yielded them. The actions themselves are read when they are taken up: there may be many, and each is
 * there at every replay.
 */
const orchestratorState = z.object({
  isDone: z.boolean(),
  actions: z.array(z.array(z.unknown())),
  output: z.unknown().optional(),
  customStatus: z.unknown().optional(),
  error: z.string().optional(),
});

export interface OrchestratorState {
  readonly isDone: boolean;
  readonly actions: readonly unknown[];
  /** JSON. */
  readonly output: string;
  /** JSON. */
  readonly customStatus: string | undefined;
  /** The orchestrator threw this. */
  readonly error: string | undefined;
}

const outOfProcessData = '\n\n$OutOfProcData$:';

/** Reads the state that an orchestrator function returned. */
export function stateOf(json: string): OrchestratorState {
  const { isDone, actions, output, customStatus, error } = orchestratorState.parse(JSON.parse(json));
  return {
    isDone,
    actions: actions.flat(),
    output: output === undefined ? 'null' : JSON.stringify(output),
    customStatus: customStatus === undefined ? undefined : JSON.stringify(customStatus),
    error,
  };
}

/** The state of an orchestrator function that threw: it stands in the error's message. */
export function stateOfFailure(error: unknown): OrchestratorState {
  const message = messageOf(error);
  const at = message.indexOf(outOfProcessData);
  if (at >= 0) {
    const state = stateOf(message.slice(at + outOfProcessData.length));
    return {
      ...state,
      isDone: true,
      error: state.error ?? 'the orchestrator threw an error without a message',
    };
  }
  return { isDone: true, actions: [], output: 'null', customStatus: undefined, error: message };
}

/**
 * The leaves of the actions after the first so many, in the order in which `durable-functions` gives them task ids:
 * depth first.
 * @throws OrchestratorFaultError when there is one this host does not know, or there are fewer actions than before
 */
export function newLeaves({ actions, isDone }: OrchestratorState, taken: number): LeafAction[] {
  if (actions.length < taken && !isDone) {
    throw new OrchestratorFaultError(
      `Non-Deterministic workflow detected: ${taken} actions were scheduled before, and now only ${actions.length}.`,
    );
  }
  return actions.slice(taken).flatMap((one) => {
    const parsed = action.safeParse(one);
    if (!parsed.success) throw new OrchestratorFaultError(`Unknown action: ${JSON.stringify(one)}`);
    return leavesOf(parsed.data);
  });
}

function leavesOf(one: Action): LeafAction[] {
  return 'compoundActions' in one ? one.compoundActions.flatMap(leavesOf) : [one];
}

/** The leaves of actions that have not been checked: as they come out of the orchestrator function. */
function* rawLeaves(actions: readonly unknown[]): Generator<Partial<Record<string, unknown>>> {
  for (const one of actions as readonly Partial<Record<string, unknown>>[]) {
    const { compoundActions } = one;
    if (Array.isArray(compoundActions)) yield* rawLeaves(compoundActions);
    else yield one;
  }
}

/** Whether each of the orchestrator's timers is canceled, in the order of the leaves. */
export function canceledTimers({ actions }: OrchestratorState): boolean[] {
  const timers = [...rawLeaves(actions)].filter(({ actionType }) => actionType === actionTypes.createTimer);
  return timers.map(({ isCanceled }) => isCanceled === true);
}

/**
 * Refuses a task that was scheduled before and is handed to Task.all or Task.any again: the Durable extension would
 * schedule it a second time, and every later task id would differ between it and `durable-functions`. Waiting for an
 * event again is harmless.
 * @param returned what the orchestrator function returned, before it became JSON: one task, one object
 * @throws OrchestratorFaultError
 */
export function refuseScheduledTwice(returned: unknown): void {
  const { actions } = returned as { actions?: unknown };
  if (!Array.isArray(actions)) return;
  const seen = new Set<unknown>();
  for (const leaf of rawLeaves(actions.flat() as unknown[])) {
    if (leaf['actionType'] !== actionTypes.waitForExternalEvent && seen.has(leaf)) {
      const name =
        typeof leaf['functionName'] === 'string' ? `the call of ${leaf['functionName']}` : 'a timer';
      throw new OrchestratorFaultError(
        `A scheduled task, ${name}, is handed to Task.all or Task.any a second time: the Durable extension would ` +
          'run it twice. Yield the task itself, or make a new one.',
      );
    }
    seen.add(leaf);
  }
}
