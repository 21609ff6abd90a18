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
}

export interface Encoder {
  /** Encodes one job after the other until the signal aborts; then gives the current job back and returns. */
  run(signal: AbortSignal): Promise<void>;
}

/** Makes the encoder of a media service. Several, in as many processes, may work on one queue. */
export function createEncoder(options: EncoderOptions): Encoder {
  const { queue, ffmpeg, log, speed } = options;
  const { idleLimit = 3000, stallLimit = 600_000 } = options;
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
    const signal = AbortSignal.any([job.lost, job.cancelRequested, shutdown]);
    const started = Date.now();
    try {
      await job.start();
      const files = await encodeJob(job, { ffmpeg, speed, stallLimit, log }, signal);
      await job.finish(files);
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      log.info(
        { jobId: job.jobId, files: files.length, bytes, seconds: (Date.now() - started) / 1000 },
        'encoded',
      );
    } catch (error) {
      await end(job, shutdown, error);
    }
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
        const job = await take(signal);
        if (job === undefined) {
          await delay(pause, undefined, { signal }).catch(() => undefined);
          pause = Math.min(pause * 2, idleLimit);
          continue;
        }
        pause = firstPause;
        try {
          await work(job, signal);
        } catch (error) {
          // The job could not be ended: its lease runs out, and it is taken up again.
          log.error({ jobId: job.jobId, err: error }, 'the job could not be ended');
        }
      }
    },
  };
}
