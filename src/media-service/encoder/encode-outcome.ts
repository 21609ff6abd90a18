import type { Log } from '../log.ts';
import { refusedSize } from './encode-command.ts';
import { finalError, retriableError } from './encode-error.ts';
import type { ProcessEnd } from './ffmpeg-process.ts';
import { lastLine } from './probe.ts';
import type { SourceMedia } from './source-media.ts';

/** Whether ffmpeg ended well. @throws EncodeError */
export function checkEnd({ exitCode, killedBy, errors }: ProcessEnd, name: string, log: Log): void {
  if (killedBy !== null) {
    throw retriableError('ErrorProcessingTask', `ffmpeg was ended by ${killedBy} while encoding '${name}'.`);
  }
  // The decoder passes over such pictures, so it may end well.
  const tooLarge = refusedSize(errors);
  if (tooLarge !== undefined) {
    throw finalError(
      'ErrorExecutingTaskUnsupportedFormat',
      `The picture of '${name}' changes to ${tooLarge} in the middle, which is too large. Submit a video whose picture keeps its size.`,
    );
  }
  if (exitCode === 0) {
    if (errors !== '') log.warn({ input: name, errors }, 'ffmpeg passed over faults of the input');
    return;
  }
  if (/Decoder .* not found|Unknown decoder|no decoder found/i.test(errors)) {
    throw finalError(
      'ErrorExecutingTaskUnsupportedFormat',
      lastLine(
        `The video's or audio's coding in '${name}' is not known here. Submit H.264, HEVC, VP9 or alike.`,
        errors,
      ),
    );
  }
  // 69: more than two thirds of the input could not be decoded (ffmpeg, -max_error_rate).
  if (exitCode === 69 || /Invalid data found|could not find codec parameters/i.test(errors)) {
    throw finalError(
      'ErrorExecutingTaskMalformedContent',
      lastLine(
        `'${name}' is damaged or encrypted: it cannot be decoded. Check that it plays, and upload it again.`,
        errors,
      ),
    );
  }
  throw retriableError(
    'ErrorProcessingTask',
    lastLine(`ffmpeg failed with exit code ${exitCode} on '${name}'.`, errors),
  );
}

/** ffmpeg ends well, too, when the file is cut off in the middle: then less came out than the file promised. */
export function checkDurations(
  seconds: readonly number[],
  { duration, durationIsStated }: SourceMedia,
  name: string,
): void {
  const shortest = Math.min(...seconds);
  if (shortest <= 0) {
    throw finalError(
      'ErrorDownloadingInputAssetMalformedContent',
      `No picture of '${name}' could be decoded. Check that it plays, and upload it again.`,
    );
  }
  if (durationIsStated && duration !== undefined && shortest < duration * 0.9 - 0.5) {
    throw finalError(
      'ErrorDownloadingInputAssetMalformedContent',
      `'${name}' is cut off: it should last ${duration.toFixed(1)} s but ends after ${shortest.toFixed(1)} s. Upload the whole file.`,
    );
  }
}
