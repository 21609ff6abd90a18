import { finalError, type EncodeError } from './encode-error.ts';
import type { InputFile } from './input-choice.ts';
import type { SourceMedia } from './source-media.ts';

/**
 * Bytes of the file for each picture that is encoded, at least. A coded picture takes more, the number of its bytes
 * alone four in an MP4; slides, of which most pictures are made by standing still, get on with this.
 */
const leastBytesPerPicture = 2.5;
/** Seconds that any file may last. */
const grace = 300;

/**
 * How long a file of this size may last, in seconds. Two pictures far apart would otherwise keep the encoder busy for a
 * day with filling the gap. At 10 pictures a second, as slides have, ten hours want 0.9 MB.
 */
export function longestPlausible({ size }: Pick<InputFile, 'size'>, { video }: SourceMedia): number {
  const { numerator, denominator } = video.frameRate;
  return grace + (size / leastBytesPerPicture) * (denominator / numerator);
}

/**
 * Refuses at once what states a length that it cannot have; other lengths are found out while it is encoded.
 * @throws EncodeError final
 */
export function checkStatedLength(input: Pick<InputFile, 'size' | 'name'>, media: SourceMedia): void {
  const { duration = 0, durationIsStated, audio } = media;
  if (durationIsStated && duration + (audio?.overhang ?? 0) > longestPlausible(input, media)) {
    throw implausibleLength(input);
  }
}

export function implausibleLength({ name, size }: Pick<InputFile, 'size' | 'name'>): EncodeError {
  return finalError(
    'ErrorDownloadingInputAssetMalformedContent',
    `'${name}' is longer than video of its ${size} bytes can be: there are gaps between its pictures. Check that it plays, and upload it again.`,
  );
}
