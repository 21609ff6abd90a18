import type { ContainerClient } from '@azure/storage-blob';
import type { JobId, TaskErrorDetail, TaskId } from '../model.ts';

/** A file the encoder has written into the output asset. */
export interface EncodedFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Hex. */
  readonly md5: string;
  readonly mimeType: string;
}

/** Another encoder has taken the job up meanwhile: what this one did since counts for nothing. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  readonly code = 'lease-lost';

  constructor(jobId: JobId) {
    super(`The lease of job ${jobId} is lost; another encoder has taken it up.`);
  }
}

/**
 * One job taken from the queue under a renewed lease. Exactly one of `finish`, `fail`, `canceled`, `release` ends it;
 * each throws `LeaseLostError` when another encoder has taken the job up meanwhile.
 */
export interface LeasedJob {
  readonly jobId: JobId;
  readonly taskId: TaskId;
  /** The preset: its name, or its JSON. */
  readonly configuration: string;
  /** The container of the input asset; undefined when the asset is gone. */
  readonly input: ContainerClient | undefined;
  /** The name of the input asset's primary file when it has one. */
  readonly inputPrimaryFile: string | undefined;
  /** The container of the output asset. */
  readonly output: ContainerClient;
  /** Aborts when the lease is lost: stop at once, write nothing more. */
  readonly lost: AbortSignal;
  /** Aborts when the job was canceled: stop ffmpeg, then call `canceled`. */
  readonly cancelRequested: AbortSignal;
  /** Marks job and task as Processing. */
  start(): Promise<void>;
  /** Percent, 0 to 100; call as often as you like, the store writes at most once a second. */
  progress(percent: number): void;
  /** Records the output's files and marks job and task as Finished. */
  finish(files: readonly EncodedFile[]): Promise<void>;
  /** Marks job and task as Error. */
  fail(detail: TaskErrorDetail): Promise<void>;
  canceled(): Promise<void>;
  /**
   * Gives the job back to the queue after a failure worth another try. Where it counts as a failed attempt and is the
   * last that a job may have, the job becomes an Error with the detail.
   */
  release(options: { readonly countAttempt: boolean; readonly detail: TaskErrorDetail }): Promise<void>;
}

/** What the encoder asks of the store. */
export interface EncodingQueue {
  /** Takes the next job; undefined when none is waiting. */
  take(): Promise<LeasedJob | undefined>;
}
