import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { FailoverApi } from './failover-api.ts';
import { readableBytes, type Progress } from './progress.ts';

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

/** What was given as the input is no file that can be read. */
export class InputFileError extends Error {
  override readonly name = 'InputFileError';
  readonly code = 'input-file';
}

/**
 * Uploads a file as the input of a stream, in blocks; answers the id of the asset it is in.
 * @throws InputFileError, UploadError, and what the API throws
 */
export async function uploadInput(
  api: FailoverApi,
  file: string,
  { dataCenter, progress }: { dataCenter?: DataCenterKey | undefined; progress: Progress },
): Promise<string> {
  const name = basename(file);
  const size = await sizeOf(file);
  const { assetId, uploadUrl } = await api.createUpload(name, dataCenter);
  const show = (bytes: number): void =>
    progress.show({
      label: `Upload ${name}`,
      percent: size === 0 ? 100 : (100 * bytes) / size,
      detail: `${readableBytes(bytes)} of ${readableBytes(size)}`,
    });
  // Loading it takes longer than all the rest of the command: only where it is needed.
  const { BlockBlobClient, RestError } = await import('@azure/storage-blob');
  try {
    await new BlockBlobClient(uploadUrl).uploadFile(file, {
      blockSize: blockBytes,
      // The default, 256 MiB, would show no progress before that.
      maxSingleShotSize: blockBytes,
      concurrency: 4,
      onProgress: ({ loadedBytes }) => show(loadedBytes),
      blobHTTPHeaders: {
        blobContentType: contentTypes[extname(file).toLowerCase()] ?? 'application/octet-stream',
      },
    });
  } catch (error) {
    const reason =
      error instanceof RestError ? (error.code ?? `status ${error.statusCode ?? 'unknown'}`) : 'cut off';
    throw new UploadError(`${file} could not be uploaded (${reason}). Try again.`);
  }
  return assetId;
}

async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  if (found?.isFile() !== true) throw new InputFileError(`${file} is not a file that can be read.`);
  return found.size;
}
