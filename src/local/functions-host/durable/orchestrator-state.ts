import { z } from 'zod';
import { messageOf } from '../errors.ts';

/**
 * What an orchestrator function of `durable-functions` 3.x answers (schema V3): all its actions since the start, in
 * the order in which it yielded them.
 */
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

const leafAction = z.discriminatedUnion('actionType', [
  z.object({ actionType: z.literal(0), ...call }),
  z.object({ actionType: z.literal(1), ...call, retryOptions }),
  z.object({ actionType: z.literal(2), ...call, instanceId }),
  z.object({ actionType: z.literal(3), ...call, instanceId, retryOptions }),
  z.object({ actionType: z.literal(4), input }),
  z.object({ actionType: z.literal(5), fireAt: z.string(), isCanceled: z.boolean() }),
  z.object({ actionType: z.literal(6), externalEventName: z.string() }),
  z.object({ actionType: z.literal([7, 8, 9, 13, 14]) }),
]);

export type LeafAction = z.infer<typeof leafAction>;
export type Action = LeafAction | { actionType: 11 | 12; compoundActions: Action[] };

const action: z.ZodType<Action> = z.union([
  leafAction,
  z.object({ actionType: z.literal([11, 12]), compoundActions: z.lazy(() => z.array(action)) }),
]);

/** The actions themselves are read when they are taken up: there may be many, and each is there at every replay. */
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
 */
export function newLeaves({ actions }: OrchestratorState, taken: number): LeafAction[] {
  return actions.slice(taken).flatMap((one) => leavesOf(action.parse(one)));
}

function leavesOf(one: Action): LeafAction[] {
  return 'compoundActions' in one ? one.compoundActions.flatMap(leavesOf) : [one];
}

/** Whether each of the orchestrator's timers is canceled, in the order of the leaves. */
export function canceledTimers({ actions }: OrchestratorState): boolean[] {
  const canceled: boolean[] = [];
  const visit = (one: unknown): void => {
    const { actionType, isCanceled, compoundActions } = one as Partial<Record<string, unknown>>;
    if (actionType === 5) canceled.push(isCanceled === true);
    else if (Array.isArray(compoundActions)) compoundActions.forEach(visit);
  };
  actions.forEach(visit);
  return canceled;
}
