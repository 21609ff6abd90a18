import {
  OrchestrationRuntimeStatus,
  type DurableClient,
  type DurableOrchestrationStatus,
} from 'durable-functions';
import type { Runs, RunState } from '../activities/claiming.ts';
import { messageOf } from '../message-of.ts';
import { RetriableError } from '../streams/errors.ts';

/**
 * The status of a durable instance; undefined when there is none of this id.
 * @throws RetriableError when the engine cannot answer
 */
export function instanceStatus(
  client: DurableClient,
  instanceId: string,
): Promise<DurableOrchestrationStatus | undefined> {
  return answerOf(client.getStatus(instanceId, { showInput: false }), /HTTP 404|could not find/);
}

/**
 * Starts an instance, unless one of this id runs: another host may have made the same start good.
 * @throws RetriableError when the engine cannot answer
 */
export async function startInstance(
  client: DurableClient,
  orchestration: string,
  options: { readonly instanceId: string; readonly input: unknown },
): Promise<void> {
  await answerOf(client.startNew(orchestration, options), /already exists/);
}

/**
 * Sends an instance an event; one that has ended meanwhile, or is gone, does not hear it.
 * @throws RetriableError when the engine cannot answer
 */
export async function sendEvent(client: DurableClient, instanceId: string, event: string): Promise<void> {
  await answerOf(client.raiseEvent(instanceId, event, {}), /No instance with ID/);
}

/** The client tells by its texts alone what went wrong; all but the expected is trouble of the engine's storage. */
async function answerOf<Value>(asked: Promise<Value>, expected: RegExp): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (expected.test(messageOf(error))) return undefined;
    const message = `The durable engine cannot answer now: ${messageOf(error)}`;
    throw new RetriableError('storage-unreachable', message, { cause: error });
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
      const status = await instanceStatus(client, operationId);
      if (status === undefined) return { kind: 'absent' };
      if (!hasEnded(status)) return { kind: 'running' };
      const succeeded = status.runtimeStatus === OrchestrationRuntimeStatus.Completed;
      return { kind: 'ended', output: status.output, succeeded };
    },
  };
}
