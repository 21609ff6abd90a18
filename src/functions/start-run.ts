import type { DurableClient } from 'durable-functions';
import { claimRun, mayStillStart, type Command } from '../activities/claiming.ts';
import type { Claim, Claims, HeldClaim } from '../activities/claims.ts';
import { allStreams, operationIdOf, type OperationId } from '../streams/stream-id.ts';
import { durableRuns, startInstance } from './durable-runs.ts';
import { RequestError, requestErrorOf } from './problems.ts';
import { json, type Answer } from './routes.ts';

/** The run that a command has: a new one, or that of the same command before. */
export interface CommandRun {
  readonly operationId: OperationId;
  readonly finished: boolean;
}

/**
 * Claims and starts a run, or finds the one there is.
 * @throws RequestError 409 when another run or another input is in the way
 */
export async function startRun(
  claims: Claims,
  client: DurableClient,
  orchestration: string,
  command: Command,
): Promise<CommandRun> {
  const decision = await claimRun(claims, durableRuns(client), command);
  if (decision.kind === 'refused') throw requestErrorOf(decision.failure);
  if (decision.kind === 'joined') return decision;
  await begin(claims, client, orchestration, decision.claim);
  return { operationId: operationIdOf(command.subject, decision.claim.runId), finished: false };
}

/** As `startRun`; the answer to the request that gave the command. */
export async function answerWithRun(...given: Parameters<typeof startRun>): Promise<Answer> {
  const [, , , { subject }] = given;
  const { operationId, finished } = await startRun(...given);
  const body = {
    operationId,
    ...(subject === allStreams ? {} : { streamId: subject }),
    status: finished ? 'succeeded' : 'running',
  };
  return json(202, body, { location: `/api/operations/${operationId}`, 'retry-after': '1' });
}

/** Starts a run that its own starter did not start in time, unless somebody else does. */
export async function makeStartGood(
  claims: Claims,
  client: DurableClient,
  orchestration: string,
  held: HeldClaim,
): Promise<void> {
  const claimedAt = Date.now();
  if (await claims.takeOver(held, claimedAt)) {
    await begin(claims, client, orchestration, { ...held, claimedAt });
  }
}

async function begin(
  claims: Claims,
  client: DurableClient,
  orchestration: string,
  claim: Claim,
): Promise<void> {
  if (!mayStillStart(claim, Date.now())) {
    throw new RequestError(503, 'unavailable', 'Starting took too long: ask again.');
  }
  const instanceId = operationIdOf(claim.subject, claim.runId);
  await startInstance(client, orchestration, { instanceId, input: claim.input });
  await claims.markStarted(claim.subject, claim.runId);
}
