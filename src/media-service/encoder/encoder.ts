import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../log.ts';
import { EncodeError, retriableError } from './encode-error.ts';
import { encodeJob } from './encode.ts';
import { LeaseLostError, type EncodingQueue, type LeasedJob } from './encoding-queue.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';

export interface EncoderOptions {
  readonly queue: EncodingQueue;
  readonly ffmpeg: Ffmpeg;
  /** libx264's preset (ENCODER_SPEED). */
  readonly speed: string;
  readonly log: Log;
  /** Milliseconds between looks into an empty queue, at most; 3,000 unless given. */
  readonly idleLimit?: number;
  /** Milliseconds without progress after which ffmpeg counts as hung; ten minutes unless given. */
  readonly stallLimit?: number;
  /** Milliseconds that one encode may take, a failed attempt then; no limit unless given. */
  readonly timeLimit?: number;
}

export interface Encoder {
  /** Encodes one job after the other until the signal aborts; then gives the current job back and returns. */
  run(signal: AbortSignal): Promise<void>;
  /**
   * Waits up to `patience` milliseconds for a job, encodes that one and returns; when the signal aborts it is given
   * back. False when no job came.
   */
  runOne(signal: AbortSignal, patience: number): Promise<boolean>;
}

/** Makes the encoder of a media service. Several, in as many processes, may work on one queue. */
export function createEncoder(options: EncoderOptions): Encoder {
  const { queue, ffmpeg, log, speed } = options;
  const { idleLimit = 3000, stallLimit = 600_000, timeLimit } = options;
  const firstPause = Math.min(250, idleLimit);

  async function take(signal: AbortSignal): Promise<LeasedJob | undefined> {
    try {
      return await queue.take();
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'the queue cannot be read');
      return undefined;
    }
  }

  async function work(job: LeasedJob, shutdown: AbortSignal): Promise<void> {
    const late = lateness();
    const signal = AbortSignal.any([job.lost, job.cancelRequested, shutdown, late.signal]);
    const started = Date.now();
    try {
      await job.start();
      const files = await encodeJob(job, { ffmpeg, speed, stallLimit, log }, signal);
      late.end();
      await job.finish(files);
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      log.info(
        { jobId: job.jobId, files: files.length, bytes, seconds: (Date.now() - started) / 1000 },
        'encoded',
      );
    } catch (error) {
      await end(job, shutdown, error);
    } finally {
      late.end();
    }
  }

  /** Aborts when the time limit is over; its reason says so. */
  function lateness(): { readonly signal: AbortSignal; end(): void } {
    const controller = new AbortController();
    if (timeLimit === undefined) return { signal: controller.signal, end: () => undefined };
    const minutes = Math.round(timeLimit / 60_000);
    const timer = setTimeout(
      () =>
        controller.abort(
          retriableError(
            'TransientError',
            `The encode took longer than ${minutes} minutes (ENCODER_TIME_LIMIT_MINUTES): raise the limit, or give the encoder more processors.`,
          ),
        ),
      timeLimit,
    );
    return { signal: controller.signal, end: () => clearTimeout(timer) };
  }

  /** Takes a job, ends it in whichever way, and answers whether there was one. */
  async function takeAndWork(signal: AbortSignal): Promise<boolean> {
    const job = await take(signal);
    if (job === undefined) return false;
    try {
      await work(job, signal);
    } catch (error) {
      // The job could not be ended: its lease runs out, and it is taken up again.
      log.error({ jobId: job.jobId, err: error }, 'the job could not be ended');
    }
    return true;
  }

  /** Ends a job that was not finished, for whichever reason came first in weight. */
  async function end(job: LeasedJob, shutdown: AbortSignal, error: unknown): Promise<void> {
    if (job.lost.aborted || error instanceof LeaseLostError) {
      log.warn({ jobId: job.jobId }, 'the lease is lost; another encoder has the job');
    } else if (job.cancelRequested.aborted) {
      await job.canceled();
      log.info({ jobId: job.jobId }, 'canceled');
    } else if (shutdown.aborted) {
      const detail = {
        Code: 'TransientError',
        Message: 'The encoder was stopped; the job is taken up again.',
      } as const;
      await job.release({ countAttempt: false, detail });
      log.info({ jobId: job.jobId }, 'given back');
    } else {
      const failure =
        error instanceof EncodeError
          ? error
          : retriableError('TransientError', 'The encoder failed on this job.', error);
      const { code, final } = failure;
      log.error({ jobId: job.jobId, code, final, err: error }, failure.message);
      if (final) await job.fail(failure.detail);
      else await job.release({ countAttempt: true, detail: failure.detail });
    }
  }

  return {
    async run(signal) {
      let pause = firstPause;
      while (!signal.aborted) {
        if (await takeAndWork(signal)) {
          pause = firstPause;
          continue;
        }
        await delay(pause, undefined, { signal }).catch(() => undefined);
        pause = Math.min(pause * 2, idleLimit);
      }
    },
    async runOne(signal, patience) {
      const deadline = Date.now() + patience;
      for (let pause = firstPause; !signal.aborted; pause = Math.min(pause * 2, idleLimit)) {
        if (await takeAndWork(signal)) return true;
        if (Date.now() + pause > deadline) return false;
        await delay(pause, undefined, { signal }).catch(() => undefined);
      }
      return false;
    },
  };
}
