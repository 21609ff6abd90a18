import type { ContainerClient } from '@azure/storage-blob';
import { finalError } from './encode-error.ts';
import type { LeasedJob } from './encoding-queue.ts';

const mediaExtensions =
  /\.(mp4|m4v|mov|qt|mkv|webm|avi|ts|m2ts|mts|mpg|mpeg|m2v|vob|wmv|asf|flv|f4v|3gp|3g2|mxf|ogv|ogg|gxf|mp3|m4a|aac|wav|flac|wma)$/i;

export interface InputFile {
  readonly container: ContainerClient;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The version that is encoded: a change in the middle of the job is an error. */
  readonly etag: string;
}

/**
 * Which file of the input asset is encoded: the primary one; without one, the only file, or the only media file.
 * @throws EncodeError final when there is none, more than one, or it is empty
 */
export async function chooseInput(
  { input: container, inputPrimaryFile: primary }: Pick<LeasedJob, 'input' | 'inputPrimaryFile'>,
  signal: AbortSignal,
): Promise<InputFile> {
  const malformed = (message: string): Error =>
    finalError('ErrorDownloadingInputAssetMalformedContent', message);
  if (container === undefined || !(await container.exists({ abortSignal: signal }))) {
    throw malformed(
      'The input asset does not exist any more. Create it again, upload the video and submit a new job.',
    );
  }
  const files: { name: string; size: number; etag: string }[] = [];
  for await (const { name, properties } of container.listBlobsFlat({
    ...(primary !== undefined ? { prefix: primary } : {}),
    abortSignal: signal,
  })) {
    if (primary !== undefined && name !== primary) continue;
    files.push({ name, size: properties.contentLength ?? 0, etag: properties.etag });
  }
  const media = files.filter(({ name }) => mediaExtensions.test(name));
  const chosen = files.length === 1 ? files : media;
  const [file, another] = chosen;
  if (file === undefined) {
    throw malformed(
      primary !== undefined
        ? `The input asset's primary file '${primary}' is not in its container. Upload it and submit a new job.`
        : files.length === 0
          ? 'The input asset has no files. Upload the video into it and submit a new job.'
          : `None of the input asset's ${files.length} files has a video file's name. Make the video its primary file.`,
    );
  }
  if (another !== undefined) {
    const names = media.slice(0, 5).map(({ name }) => `'${name}'`);
    throw malformed(
      `The input asset has ${media.length} media files (${names.join(', ')}${media.length > 5 ? ', …' : ''}) and none of them is primary. Make one of them the primary file.`,
    );
  }
  if (file.size === 0) {
    throw malformed(`The input file '${file.name}' is empty (0 bytes). Upload it again.`);
  }
  return { container, ...file };
}
