import type { DurableClient } from 'durable-functions';
import type { z } from 'zod';
import { claimRun, mayStillStart, type Command } from '../activities/claiming.ts';
import type { Claim, Claims, HeldClaim } from '../activities/claims.ts';
import type { OperationKind } from '../streams/operation.ts';
import { operationIdOf, streamOf, type OperationId, type Subject } from '../streams/stream-id.ts';
import { durableRuns, startInstance } from './durable-runs.ts';
import { RequestError, requestErrorOf } from './problems.ts';
import { json, type Answer } from './routes.ts';
import type { startedSchema } from './schemas.ts';

/** The orchestration of each kind of run, by its registered name. */
export const orchestrationOf: Readonly<Record<OperationKind, string>> = {
  publish: 'publishStream',
  replicate: 'replicateStream',
  verify: 'verifyStream',
  resync: 'resync',
};

/** The run that a command has: a new one, or that of the same command before. */
export interface CommandRun {
  readonly operationId: OperationId;
  readonly finished: boolean;
}

/**
 * Claims and starts a run, or finds the one there is.
 * @throws RequestError 409 when another run or another input is in the way
 */
export async function startRun(claims: Claims, client: DurableClient, command: Command): Promise<CommandRun> {
  const decision = await claimRun(claims, durableRuns(client), command);
  if (decision.kind === 'refused') throw requestErrorOf(decision.failure);
  if (decision.kind === 'joined') return decision;
  await begin(claims, client, decision.claim);
  return { operationId: operationIdOf(command.subject, decision.claim.runId), finished: false };
}

/** As `startRun`; the answer to the request that gave the command. */
export async function answerWithRun(
  claims: Claims,
  client: DurableClient,
  command: Command,
): Promise<Answer> {
  const { operationId, finished } = await startRun(claims, client, command);
  return accepted(operationId, command.subject, finished ? 'succeeded' : 'running');
}

/** The answer that tells where a run is followed. */
export function accepted(
  operationId: OperationId,
  subject: Subject,
  status: z.input<typeof startedSchema>['status'],
): Answer {
  const body: z.input<typeof startedSchema> = { operationId, ...streamOf(subject), status };
  return json(202, body, { location: `/api/operations/${operationId}`, 'retry-after': '1' });
}

/** Starts a run that its own starter did not start in time, unless somebody else does. */
export async function makeStartGood(claims: Claims, client: DurableClient, held: HeldClaim): Promise<void> {
  const claimedAt = Date.now();
  if (await claims.takeOver(held, claimedAt)) {
    await begin(claims, client, { ...held, claimedAt });
  }
}

async function begin(claims: Claims, client: DurableClient, claim: Claim): Promise<void> {
  if (!mayStillStart(claim, Date.now())) {
    throw new RequestError(503, 'unavailable', 'Starting took too long: ask again.');
  }
  const instanceId = operationIdOf(claim.subject, claim.runId);
  await startInstance(client, orchestrationOf[claim.kind], { instanceId, input: claim.input });
  await claims.markStarted(claim.subject, claim.runId);
}
