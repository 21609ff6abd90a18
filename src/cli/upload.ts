import { basename, extname } from 'node:path';
import { survivingEarlyAnswers } from '../transport/early-answers.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { FailoverApi } from './failover-api.ts';
import { readableBytes, type Progress } from './progress.ts';
import { StoppedError } from './stopped.ts';

const blockBytes = 8 * 2 ** 20;

const contentTypes: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.m4v': 'video/mp4',
  '.mov': 'video/quicktime',
  '.mkv': 'video/x-matroska',
  '.webm': 'video/webm',
};

/** A file could not be uploaded. The message never holds the upload URL, which is a secret. */
export class UploadError extends Error {
  override readonly name = 'UploadError';
  readonly code = 'upload-failed';
}

export interface UploadOptions {
  /** Absent: the app's own. */
  readonly dataCenter?: DataCenterKey | undefined;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Uploads a file as the input of a stream, in blocks; answers the id of the asset it is in.
 * @throws UploadError, StoppedError when the signal aborts, and what the API throws
 */
export async function uploadInput(
  api: FailoverApi,
  { path, bytes: size }: { readonly path: string; readonly bytes: number },
  { dataCenter, progress, signal }: UploadOptions,
): Promise<string> {
  const name = basename(path);
  const { assetId, uploadUrl } = await api.createUpload(name, dataCenter);
  const show = (bytes: number): void =>
    progress.show({
      label: `Upload ${name}`,
      percent: (100 * bytes) / size,
      detail: `${readableBytes(bytes)} of ${readableBytes(size)}`,
    });
  // Loading it takes longer than all the rest of the command: only where it is needed.
  const { AnonymousCredential, BlockBlobClient, newPipeline, RestError } =
    await import('@azure/storage-blob');
  const pipeline = survivingEarlyAnswers(newPipeline(new AnonymousCredential()));
  try {
    await new BlockBlobClient(uploadUrl, pipeline).uploadFile(path, {
      abortSignal: signal,
      blockSize: blockBytes,
      // The default, 256 MiB, would show no progress before that.
      maxSingleShotSize: blockBytes,
      concurrency: 4,
      onProgress: ({ loadedBytes }) => show(loadedBytes),
      blobHTTPHeaders: {
        blobContentType: contentTypes[extname(path).toLowerCase()] ?? 'application/octet-stream',
      },
    });
  } catch (error) {
    if (signal.aborted) throw new StoppedError('The upload is stopped. Nothing is published.');
    const { code } = error as { readonly code?: unknown };
    const status = error instanceof RestError ? `status ${error.statusCode ?? 'unknown'}` : undefined;
    const reason = typeof code === 'string' ? code : (status ?? 'cut off');
    throw new UploadError(`${path} could not be uploaded (${reason}). Try again.`, { cause: error });
  }
  return assetId;
}
