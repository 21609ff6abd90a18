import {
  OrchestrationRuntimeStatus,
  type DurableClient,
  type DurableOrchestrationStatus,
} from 'durable-functions';
import type { Runs, RunState } from '../activities/claiming.ts';

/** The status of a durable instance; undefined when there is none of this id. */
export async function statusOf(
  client: DurableClient,
  instanceId: string,
): Promise<DurableOrchestrationStatus | undefined> {
  try {
    return await client.getStatus(instanceId, { showInput: false });
  } catch (error) {
    // The client has no other way of saying it.
    if (error instanceof Error && /HTTP 404|could not find/.test(error.message)) return undefined;
    throw error;
  }
}

const ended: readonly OrchestrationRuntimeStatus[] = [
  OrchestrationRuntimeStatus.Completed,
  OrchestrationRuntimeStatus.Failed,
  OrchestrationRuntimeStatus.Canceled,
  OrchestrationRuntimeStatus.Terminated,
];

export function hasEnded({ runtimeStatus }: DurableOrchestrationStatus): boolean {
  return ended.includes(runtimeStatus);
}

/** The runs of this app, as the durable engine knows them. */
export function durableRuns(client: DurableClient): Runs {
  return {
    async state(operationId): Promise<RunState> {
      const status = await statusOf(client, operationId);
      if (status === undefined) return { kind: 'absent' };
      if (!hasEnded(status)) return { kind: 'running' };
      const succeeded = status.runtimeStatus === OrchestrationRuntimeStatus.Completed;
      return { kind: 'ended', output: status.output, succeeded };
    },
  };
}
