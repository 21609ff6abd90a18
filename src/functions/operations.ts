import {
  OrchestrationRuntimeStatus,
  type DurableClient,
  type DurableOrchestrationStatus,
} from 'durable-functions';
import { z } from 'zod';
import { isClaimOfResync } from '../activities/claim-stream.ts';
import { isOverdue } from '../activities/claiming.ts';
import type { Claim, Claims } from '../activities/claims.ts';
import { cancelEvent } from '../orchestrations/cancellation.ts';
import { withLanes } from '../orchestrations/progress.ts';
import { parseFailureText } from '../streams/errors.ts';
import {
  isCancelable,
  operationKinds,
  type Operation,
  type OperationKind,
  type OperationResult,
  type OperationStatus,
  type RunStatus,
} from '../streams/operation.ts';
import {
  parseOperationId,
  streamOf,
  type OperationId,
  type RunId,
  type Subject,
} from '../streams/stream-id.ts';
import type { Application } from './application.ts';
import { hasEnded, instanceStatus, sendEvent } from './durable-runs.ts';
import { RequestError } from './problems.ts';
import { json, registerRoute } from './routes.ts';
import { accepted, makeStartGood, orchestrationOf } from './start-run.ts';

const runStatus = z.object({
  step: z.string(),
  percent: z.number(),
  bytes: z.object({ done: z.number(), total: z.number() }).optional(),
  part: z.string().optional(),
  lanes: z.array(z.string()).optional(),
});

/** `GET /api/operations/{id}` and `POST /api/operations/{id}/cancel`. */
export function registerOperations({ dependencies: { claims } }: Application): void {
  registerRoute('httpReadOperation', async ({ request, client }) => {
    const { operationId, subject, runId } = named(request.params['operationId']);
    const operation =
      (await readOperation(client, operationId, subject)) ??
      notBegun(operationId, await unstarted(claims, client, subject, runId));
    return json(200, operation, operation.status === 'running' ? { 'retry-after': '1' } : {});
  });
  registerRoute('httpCancelOperation', async ({ request, client }) => {
    const { operationId, subject, runId } = named(request.params['operationId']);
    const status = await instanceStatus(client, operationId);
    if (status === undefined) {
      if ((await unstarted(claims, client, subject, runId)) === undefined)
        throw unknownOperation(operationId);
      throw new RequestError(
        409,
        'not-running',
        `The operation ${operationId} starts at any moment: cancel it then.`,
      );
    }
    if (hasEnded(status)) {
      throw new RequestError(409, 'not-running', `The operation ${operationId} has ended already.`);
    }
    const kind = kindOf(status);
    if (kind === undefined || !isCancelable(kind)) {
      throw new RequestError(
        409,
        'not-cancelable',
        `The operation ${operationId} ends by itself: wait for it.`,
      );
    }
    await sendEvent(client, operationId, cancelEvent);
    return accepted(operationId, subject, 'running');
  });
}

/** The kind of run that an instance is; undefined when it is a part of one. */
function kindOf({ name }: DurableOrchestrationStatus): OperationKind | undefined {
  return operationKinds.find((kind) => orchestrationOf[kind] === name);
}

/**
 * A run that has its claim only.
 * @throws RequestError 404
 */
function notBegun(operationId: OperationId, claim: Claim | undefined): Operation {
  if (claim === undefined) throw unknownOperation(operationId);
  const at = new Date(claim.claimedAt).toISOString();
  return {
    operationId,
    ...streamOf(claim.subject),
    kind: claim.kind,
    status: 'running',
    step: 'start',
    percent: 0,
    createdAt: at,
    updatedAt: at,
  };
}

/**
 * The claim of a run that is to be handed to the durable engine at any moment; undefined when there is none. When its
 * starter has died, this makes the start good: nobody else may ever ask for the same again.
 */
async function unstarted(
  claims: Claims,
  client: DurableClient,
  subject: Subject,
  runId: RunId,
): Promise<Claim | undefined> {
  const claim = await claims.read(subject);
  if (claim?.runId !== runId || claim.started) return undefined;
  if (!isOverdue(claim, Date.now())) return claim;
  // What re-sync left, the next one takes over.
  if (isClaimOfResync(claim)) return undefined;
  await makeStartGood(claims, client, claim);
  return claim;
}

function named(text: string | undefined): NonNullable<ReturnType<typeof parseOperationId>> {
  const parsed = parseOperationId(text ?? '');
  if (parsed === undefined) throw unknownOperation(text ?? '');
  return parsed;
}

function unknownOperation(operationId: string): RequestError {
  return new RequestError(404, 'not-found', `There is no operation ${operationId.slice(0, 100)}.`);
}

/** A run as callers see it; undefined when the durable engine does not know it. */
async function readOperation(
  client: DurableClient,
  operationId: OperationId,
  subject: Subject,
): Promise<Operation | undefined> {
  const durable = await instanceStatus(client, operationId);
  const kind = durable && kindOf(durable);
  if (durable === undefined || kind === undefined) return undefined;
  const status = operationStatus(durable);
  const progress = await newestStatus(client, durable, status === 'running');
  const error = status === 'failed' || status === 'canceled' ? { error: outcomeFailure(durable) } : {};
  return {
    operationId,
    ...streamOf(subject),
    kind,
    status,
    step: progress.step,
    percent: progress.percent,
    ...(progress.bytes === undefined ? {} : { bytes: progress.bytes }),
    createdAt: new Date(durable.createdTime).toISOString(),
    updatedAt: new Date(durable.lastUpdatedTime).toISOString(),
    ...(status === 'succeeded' ? { result: durable.output as OperationResult } : {}),
    ...error,
  };
}

function operationStatus(durable: DurableOrchestrationStatus): OperationStatus {
  switch (durable.runtimeStatus) {
    case OrchestrationRuntimeStatus.Completed:
      return 'succeeded';
    case OrchestrationRuntimeStatus.Failed:
      return outcomeFailure(durable).code === 'canceled' ? 'canceled' : 'failed';
    case OrchestrationRuntimeStatus.Canceled:
    case OrchestrationRuntimeStatus.Terminated:
      return 'canceled';
    case OrchestrationRuntimeStatus.Running:
    case OrchestrationRuntimeStatus.ContinuedAsNew:
    case OrchestrationRuntimeStatus.Pending:
    case OrchestrationRuntimeStatus.Suspended:
      return 'running';
  }
}

function outcomeFailure(durable: DurableOrchestrationStatus): ReturnType<typeof parseFailureText> {
  if (durable.runtimeStatus === OrchestrationRuntimeStatus.Terminated) {
    return { code: 'canceled', message: 'The run was terminated.', retriable: false };
  }
  return parseFailureText(
    typeof durable.output === 'string' ? durable.output : JSON.stringify(durable.output),
  );
}

/** The run's own status, or that of the part that is under way, with the bytes of its lanes. */
async function newestStatus(
  client: DurableClient,
  durable: DurableOrchestrationStatus,
  running: boolean,
): Promise<RunStatus> {
  const own = runStatus.safeParse(durable.customStatus).data ?? { step: 'start', percent: 0 };
  if (!running) return own;
  const part = await customStatus(client, own.part);
  const newest = part ?? own;
  if (newest.lanes === undefined || newest.bytes === undefined) return newest;
  const lanes = await Promise.all(newest.lanes.map((lane) => customStatus(client, lane)));
  return withLanes(newest.bytes, lanes);
}

async function customStatus(
  client: DurableClient,
  instanceId: string | undefined,
): Promise<z.infer<typeof runStatus> | undefined> {
  const status = instanceId === undefined ? undefined : await instanceStatus(client, instanceId);
  return runStatus.safeParse(status?.customStatus).data;
}
