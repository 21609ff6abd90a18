import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ApiError, UnreachableError, type FailoverApi, type Operation } from '../../cli/failover-api.ts';
import { follow } from '../../cli/follow.ts';
import type { Progress } from '../../cli/progress.ts';
import type { Input } from '../../cli/input.ts';
import { UploadError, uploadInput } from '../../cli/upload.ts';
import type { StackSettings } from './settings.ts';

/** How the main job ended; a request that was refused never became an operation. */
export type Outcome = Pick<Operation, 'status' | 'result' | 'error'> & {
  readonly streamId: string;
  readonly operationId?: string;
};

export interface MainJob {
  readonly streamId: string;
  readonly input: Input;
  readonly uploads: StackSettings['uploads'];
  /** Keeps what was uploaded for the next start. */
  readonly uploaded: () => Promise<void>;
}

/**
 * Publishes the input in both data centers: uploaded unless an earlier start did, submitted, followed to its end.
 * The same input under the same stream id is the same request, so it is answered by the run there is.
 */
export async function runMainJob(
  api: FailoverApi,
  job: MainJob,
  progress: Progress,
  signal: AbortSignal,
): Promise<Outcome> {
  const { streamId, input } = job;
  try {
    const { operationId } = await api.submit({
      streamId,
      source: 'a',
      input:
        input.kind === 'url'
          ? { url: input.url }
          : { assetId: await assetOf(api, { ...job, input }, progress, signal) },
    });
    return { ...(await follow(api, operationId, progress, { signal })), streamId };
  } catch (error) {
    if (error instanceof ApiError || error instanceof UnreachableError || error instanceof UploadError) {
      const { code, message } = error;
      return { status: 'failed', streamId, error: { code, message } };
    }
    throw error;
  }
}

async function assetOf(
  api: FailoverApi,
  job: MainJob & { readonly input: Extract<Input, { kind: 'file' }> },
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  progress.show({ label: `Read ${basename(job.input.path)}` });
  const sha256 = await hashOf(job.input.path, signal);
  const earlier = job.uploads[job.streamId];
  if (earlier?.sha256 === sha256) return earlier.assetId;
  const assetId = await uploadInput(api, job.input, { dataCenter: 'a', progress, signal });
  job.uploads[job.streamId] = { sha256, assetId };
  await job.uploaded();
  return assetId;
}

async function hashOf(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest('hex');
}
