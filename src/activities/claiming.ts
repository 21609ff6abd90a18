import { randomBytes } from 'node:crypto';
import type { Failure } from '../streams/errors.ts';
import { isCancelable, type OperationKind } from '../streams/operation.ts';
import { operationIdOf, type OperationId, type RunId, type Subject } from '../streams/stream-id.ts';
import type { Claim, Claims, HeldClaim } from './claims.ts';

/** A run as the durable engine knows it; `absent`: it was never started, or its history was purged. */
export type RunState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly output: unknown; readonly succeeded: boolean };

export interface Runs {
  state(operationId: OperationId): Promise<RunState>;
}

export interface Command {
  readonly subject: Subject;
  readonly kind: OperationKind;
  /** Of everything that is asked for: the same request has the same. */
  readonly requestHash: string;
  /** The orchestration's input, once the run has its id. */
  readonly inputFor: (run: { readonly runId: RunId; readonly resumes: boolean }) => unknown;
  /** A URL that may be signed: see `Claims.inputUrl`. */
  readonly inputUrl?: string;
  /** Whether a finished run of the same request answers it: it does when what it made is still there. */
  readonly stillGood?: (output: unknown) => Promise<boolean>;
  /** Called when the subject is free for another request: throws or answers why it cannot be begun all the same. */
  readonly refusal?: (held: HeldClaim | undefined) => Promise<Failure | undefined>;
}

export type Decision =
  /** The run is ours to start, now. */
  | { readonly kind: 'start'; readonly claim: Claim }
  /** The same request has a run already, running or finished. */
  | { readonly kind: 'joined'; readonly operationId: OperationId; readonly finished: boolean }
  | { readonly kind: 'refused'; readonly failure: Failure };

/**
 * Milliseconds. A starter that has not handed its run to the durable engine by then has died, or must not do it any
 * more (`mayStillStart`): another one may.
 */
const startWithin = 30_000;
const tries = 10;

/** Whether the starter of a claim is still in time: well before others take the start over. */
export function mayStillStart(claim: Claim, now: number): boolean {
  return now - claim.claimedAt < startWithin / 2;
}

/** Whether the starter of a claim has died before its run was handed to the durable engine. */
export function isOverdue(claim: Claim, now: number): boolean {
  return now - claim.claimedAt > startWithin;
}

/**
 * Decides who runs: claims the subject for a new run, or finds the run that the request belongs to. Inserting or
 * replacing the claim is the decision, so that of two at the same moment one starts and the other joins it.
 */
export async function claimRun(claims: Claims, runs: Runs, command: Command): Promise<Decision> {
  for (let count = 0; count < tries; count += 1) {
    const held = await claims.read(command.subject);
    const decision = await decide(claims, runs, command, held);
    if (decision !== 'again') return decision;
  }
  throw new Error(`The claim of ${command.subject} changed again and again`);
}

async function decide(
  claims: Claims,
  runs: Runs,
  command: Command,
  held: HeldClaim | undefined,
): Promise<Decision | 'again'> {
  const { kind, requestHash } = command;
  const same = held?.kind === kind && held.requestHash === requestHash;
  if (held !== undefined) {
    const operationId = operationIdOf(held.subject, held.runId);
    const state = await runs.state(operationId);
    const unstarted = state.kind === 'absent' && !held.started;
    const late = isOverdue(held, Date.now());
    if (state.kind === 'running' || (unstarted && !late)) {
      return same ? { kind: 'joined', operationId, finished: false } : busy(command, held);
    }
    if (unstarted && same) {
      const claimedAt = Date.now();
      if (!(await claims.takeOver(held, claimedAt))) return 'again';
      return { kind: 'start', claim: { ...held, claimedAt } };
    }
    if (
      same &&
      state.kind === 'ended' &&
      state.succeeded &&
      (await command.stillGood?.(state.output)) === true
    ) {
      return { kind: 'joined', operationId, finished: true };
    }
  }
  const failure = await command.refusal?.(held);
  if (failure !== undefined) return { kind: 'refused', failure };
  const claim = newClaim(command, held);
  const taken =
    held === undefined
      ? await claims.insert(claim, command.inputUrl)
      : await claims.replace(held, claim, command.inputUrl);
  return taken ? { kind: 'start', claim } : 'again';
}

function newClaim(command: Command, held: HeldClaim | undefined): Claim {
  const { subject, kind, requestHash } = command;
  const runId = randomBytes(8).toString('hex') as RunId;
  const resumes = held?.publishHash === requestHash;
  return {
    subject,
    runId,
    kind,
    requestHash,
    // What the stream was made from outlives the runs that repair it.
    publishHash: kind === 'publish' ? requestHash : held?.publishHash,
    input: command.inputFor({ runId, resumes }),
    started: false,
    claimedAt: Date.now(),
  };
}

function busy(command: Command, held: HeldClaim): Decision {
  const bothPublish = command.kind === 'publish' && held.kind === 'publish';
  const operation = operationIdOf(held.subject, held.runId);
  return {
    kind: 'refused',
    failure: bothPublish
      ? {
          code: 'stream-exists',
          message: `Another input is being published under this stream id (operation ${operation}): choose another id.`,
          retriable: false,
        }
      : {
          code: 'stream-busy',
          message: `The operation ${operation} (${held.kind}) is running: wait for its end${isCancelable(held.kind) ? ', or cancel it' : ''}.`,
          retriable: true,
        },
  };
}
