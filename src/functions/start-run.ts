import type { DurableClient } from 'durable-functions';
import { claimRun, mayStillStart, type Command } from '../activities/claiming.ts';
import type { Claim, Claims } from '../activities/claims.ts';
import { allStreams, operationIdOf, type OperationId } from '../streams/stream-id.ts';
import { durableRuns } from './durable-runs.ts';
import { RequestError, requestErrorOf } from './problems.ts';
import { json, type Answer } from './routes.ts';

/**
 * Claims, starts, answers: the way of every command that begins a run.
 * @throws RequestError 409 when another run or another input is in the way
 */
export async function startRun(
  claims: Claims,
  client: DurableClient,
  orchestration: string,
  command: Command,
): Promise<Answer> {
  const decision = await claimRun(claims, durableRuns(client), command);
  if (decision.kind === 'refused') throw requestErrorOf(decision.failure);
  if (decision.kind === 'joined') return accepted(command, decision.operationId, decision.finished);
  await begin(claims, client, orchestration, decision.claim);
  return accepted(command, operationIdOf(command.subject, decision.claim.runId), false);
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
  await client.startNew(orchestration, { instanceId, input: claim.input });
  await claims.markStarted(claim.subject, claim.runId);
}

function accepted(command: Command, operationId: OperationId, finished: boolean): Answer {
  const body = {
    operationId,
    ...(command.subject === allStreams ? {} : { streamId: command.subject }),
    status: finished ? 'succeeded' : 'running',
  };
  return json(202, body, { location: `/api/operations/${operationId}`, 'retry-after': '1' });
}
