import type { BlobServiceClient } from '@azure/storage-blob';
import type { QueueClient } from '@azure/storage-queue';
import type { Log } from '../log.ts';
import type { AssetFiles } from './asset-files.ts';
import type { Assets } from './assets.ts';
import type { Index } from './index-rows.ts';
import type { JobPartitions } from './job-rows.ts';

export interface EncodingLimits {
  /** How long a job stays with an encoder that is not heard of any more, seconds. */
  readonly leaseSeconds: number;
  /** How often the encoder renews its lease, milliseconds. */
  readonly renewalMilliseconds: number;
  /** How often the encoder looks for a cancellation and writes its progress, milliseconds. */
  readonly pollMilliseconds: number;
  /** How often, while the queue is empty, jobs are looked for whose message was lost, milliseconds. */
  readonly sweepMilliseconds: number;
  /** How long a job rests after a failed attempt, seconds. */
  readonly retrySeconds: number;
  /** Attempts that may end in a failure of ffmpeg before the job is an Error. */
  readonly failedAttempts: number;
  /** Encoders that a job may outlive: one that takes so many down with it is an Error, too. */
  readonly takes: number;
}

export const usualLimits: EncodingLimits = {
  leaseSeconds: 30,
  renewalMilliseconds: 10_000,
  pollMilliseconds: 1000,
  sweepMilliseconds: 60_000,
  retrySeconds: 5,
  failedAttempts: 3,
  takes: 20,
};

/** What the queue of jobs and its leases work with. */
export interface EncodingParts {
  readonly queue: QueueClient;
  readonly partitions: JobPartitions;
  readonly index: Index;
  readonly assets: Assets;
  readonly files: AssetFiles;
  readonly blobs: BlobServiceClient;
  readonly log: Log;
  readonly limits: EncodingLimits;
}
