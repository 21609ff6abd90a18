/** The SDK ships these without types: how it replays an orchestration. */
declare module 'durable-functions/lib/src/util/testingUtils' {
  import type { OrchestrationContext, OrchestrationHandler } from 'durable-functions';

  export interface DurableOrchestrationInput {
    readonly instanceId: string;
  }
  export const DurableOrchestrationInput: new (
    instanceId: string,
    history: readonly unknown[],
    input: unknown,
    longRunningTimerIntervalDuration: string | undefined,
    maximumShortTimerDuration: string | undefined,
    defaultHttpAsyncRequestSleepTimeMillseconds: number | undefined,
    schemaVersion: number,
  ) => DurableOrchestrationInput;

  export function createOrchestrator(
    handler: OrchestrationHandler,
  ): (trigger: DurableOrchestrationInput, context: OrchestrationContext) => Promise<unknown>;
}
