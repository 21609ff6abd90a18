import type { OrchestrationContext } from 'durable-functions';
import type { JobReading } from '../activities/read-job.ts';
import type { JobId } from '../streams/entity-ids.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { FinalError, type Outcome } from '../streams/errors.ts';
import type { Patience, RunReference } from '../streams/operation.ts';
import { failureFrom, perform, tryTo, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';

export interface WaitForJobInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly jobId: JobId;
  readonly patience: Patience;
  /** What the last generation saw; absent at the start. */
  readonly seen?: {
    readonly state: JobReading['state'];
    readonly percent: number;
    /** Milliseconds since 1970: when that was new. */
    readonly since: number;
  };
}

/** Looks before it starts over with an empty history: a long job does not make a long one. */
const looksInGeneration = 30;

/**
 * Step 3: waits until the job has ended. It is looked at every second while it is new, then every ten seconds at
 * most; one that makes no progress for `patience.job` minutes is canceled. Standing in the queue is no fault of the
 * job: that may take `patience.queue` minutes.
 */
export function* waitForJob(
  context: OrchestrationContext,
): Steps<Outcome<Record<string, never>> | undefined> {
  const input = context.df.getInput<WaitForJobInput>();
  try {
    return yield* wait(context, input);
  } catch (error) {
    return { ok: false, error: failureFrom(error) };
  }
}

function* wait(
  context: OrchestrationContext,
  input: WaitForJobInput,
): Steps<Outcome<Record<string, never>> | undefined> {
  const { run, side, jobId, patience } = input;
  let seen = input.seen;
  for (let look = 0; look < looksInGeneration; look += 1) {
    const reading = yield* perform(context, 'readJob', { run, side, jobId }, patience.source);
    switch (reading.state) {
      case 'finished':
        return { ok: true, value: {} };
      case 'error':
        throw new FinalError('encoding-failed', `The encoder could not make the stream: ${reading.reason}`);
      case 'canceled':
        throw new FinalError('encoding-canceled', 'The encoding job was canceled at the media service.');
      case 'waiting':
      case 'processing':
      case 'canceling':
    }
    const inQueue = reading.state === 'waiting';
    context.df.setCustomStatus(
      inQueue ? statusOf('waitForEncoder') : statusOf('waitForJob', reading.percent / 100),
    );
    const now = context.df.currentUtcDateTime.getTime();
    if (seen?.state !== reading.state || seen.percent !== reading.percent) {
      seen = { state: reading.state, percent: reading.percent, since: now };
    }
    // A run that began before there was this limit has none.
    const limit = inQueue ? (patience.queue ?? Infinity) : patience.job;
    if (now - seen.since > limit * 60_000) {
      yield* tryTo(context, 'cancelJob', { run, side, jobId }, patience.source);
      const stood = inQueue ? 'waited in the queue' : `stood at ${reading.percent} % (${reading.state})`;
      throw new FinalError(
        'encoding-stuck',
        `The encoding job ${stood} for ${limit} minutes and was canceled: look at the encoder, then submit the stream again.`,
      );
    }
    yield context.df.createTimer(new Date(now + pauseAfter(now - seen.since)));
  }
  context.df.continueAsNew({ ...input, seen });
  return undefined;
}

/** Milliseconds: a tenth of the time since something changed, from one to ten seconds. */
function pauseAfter(unchanged: number): number {
  return Math.min(10_000, Math.max(1000, unchanged / 10));
}
