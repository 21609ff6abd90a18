import { InvocationContext } from '@azure/functions';
import type * as df from 'durable-functions';
import { createRequire } from 'node:module';
import type { HistoryEvent } from '../../../../src/local/functions-host/durable/history.ts';
import {
  stateOf,
  stateOfFailure,
  type OrchestratorState,
} from '../../../../src/local/functions-host/durable/orchestrator-state.ts';

/** Not among the package's types. */
const { createOrchestrator } = createRequire(import.meta.url)(
  'durable-functions/lib/src/util/testingUtils',
) as {
  createOrchestrator: (
    handler: df.OrchestrationHandler,
  ) => (trigger: unknown, context: InvocationContext) => Promise<unknown>;
};

/** Calls an orchestrator of `durable-functions` with a history, without a host around it. */
export async function replay(
  handler: df.OrchestrationHandler,
  instance: {
    readonly instanceId: string;
    readonly input: unknown;
    readonly parentInstanceId?: string | undefined;
  },
  history: readonly (HistoryEvent & { readonly IsPlayed: boolean })[],
): Promise<OrchestratorState> {
  const trigger = {
    history,
    ...instance,
    isReplaying: false,
    upperSchemaVersion: 1,
    upperSchemaVersionNew: 2,
    longRunningTimerIntervalDuration: '3.00:00:00',
    maximumShortTimerDuration: '6.00:00:00',
    defaultHttpAsyncRequestSleepTimeMillseconds: 30_000,
  };
  const context = new InvocationContext({ functionName: 'replayed' });
  try {
    const state = await createOrchestrator(handler)(structuredClone(trigger), context);
    return stateOf(JSON.stringify(state));
  } catch (error) {
    return stateOfFailure(error);
  }
}
