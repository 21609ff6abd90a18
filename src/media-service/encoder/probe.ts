import { finalError, retriableError } from './encode-error.ts';
import { inputOptions, pixelLimit, refusedSize } from './encode-command.ts';
import { startProcess } from './ffmpeg-process.ts';
import { mostPixels, probeOutput, type ProbeOutput } from './source-media.ts';

/** What ffprobe reads of the largest file takes seconds; this is for storage that crawls. */
const longestProbe = 180_000;
const mostOutput = 4 * 2 ** 20;

/**
 * Asks ffprobe what is in the input.
 * @throws EncodeError final when it is no media file; retriable when ffprobe did not come to an end
 */
export async function probe(
  ffprobe: string,
  input: { readonly url: string; readonly name: string },
  signal: AbortSignal,
): Promise<ProbeOutput> {
  const limit = AbortSignal.timeout(longestProbe);
  const running = startProcess(
    ffprobe,
    [
      '-hide_banner',
      '-v',
      'error',
      ...inputOptions,
      ...pixelLimit(mostPixels),
      '-show_streams',
      '-show_format',
      '-of',
      'json',
      input.url,
    ],
    { pipes: 0, hide: input.url, signal: AbortSignal.any([signal, limit]) },
  );
  let json = '';
  running.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (json.length < mostOutput) json += text;
  });
  const { exitCode, killedBy, errors } = await running.ended;
  signal.throwIfAborted();
  if (limit.aborted) {
    throw retriableError('ErrorProcessingTask', `ffprobe did not finish reading '${input.name}' in time.`);
  }
  if (killedBy !== null) {
    throw retriableError(
      'ErrorProcessingTask',
      `ffprobe was ended by ${killedBy} while reading '${input.name}'; a newer one (FFPROBE_PATH) may read it.`,
    );
  }
  const tooLarge = refusedSize(errors);
  if (tooLarge !== undefined) {
    throw finalError(
      'ErrorExecutingTaskUnsupportedFormat',
      `The picture of '${input.name}' is ${tooLarge}; at most ${mostPixels} pixels can be encoded.`,
    );
  }
  if (exitCode !== 0) throw unreadable(input.name, errors);
  const parsed = probeOutput.safeParse(parseJson(json));
  if (!parsed.success) throw unreadable(input.name, errors);
  return parsed.data;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function unreadable(name: string, errors: string): Error {
  const message = errors.includes('moov atom not found')
    ? `'${name}' is cut off: its index (moov) is missing. The upload or the recording was not finished; upload the whole file.`
    : `'${name}' is not a video file that can be read (MP4, MOV, MKV, WebM, MPEG-TS, AVI and alike). Upload a video file.`;
  return finalError('ErrorDownloadingInputAssetMalformedContent', lastLine(message, errors));
}

/** The message with the tool's last words. */
export function lastLine(message: string, errors: string): string {
  const line = errors.split('\n').at(-1)?.trim() ?? '';
  return line === '' ? message : `${message} (${line.slice(0, 300)})`;
}
