import { MalformedMediaError } from '../boxes/malformed-media.ts';
import { segmentCount, segmentTime, type SegmentIndex } from './segment-index.ts';
import type { ListedTrack } from './server-manifest.ts';
import type { AudioConfiguration, Track, VideoConfiguration } from './track.ts';

/** What a stored track's head tells: everything about it but its samples. */
export interface StoredTrack {
  readonly track: Track;
  readonly index: SegmentIndex;
  /** `ftyp` and `moov` as stored: the initialization segment. */
  readonly initialization: Buffer;
  /** The duration of each sample of the first segment, ticks of the track's timescale; tells the frame rate. */
  readonly firstDurations: readonly number[];
}

/** One encoded quality of a stream. */
export interface Rendition<Configuration = VideoConfiguration | AudioConfiguration> {
  /** Bits a second, from the server manifest: its name in URLs. */
  readonly bitrate: number;
  readonly configuration: Configuration;
  readonly stored: StoredTrack;
}

/** Renditions that a player may switch between. */
export interface VideoStream {
  readonly kind: 'video';
  /** Its name in URLs. */
  readonly name: string;
  /** By bitrate, lowest first. */
  readonly renditions: readonly Rendition<VideoConfiguration>[];
}

export interface AudioStream {
  readonly kind: 'audio';
  readonly name: string;
  /** RFC 5646. */
  readonly language: string;
  readonly renditions: readonly Rendition<AudioConfiguration>[];
}

export interface Presentation {
  readonly video: readonly VideoStream[];
  readonly audio: readonly AudioStream[];
  /** When the last segment of any track ends, ticks of 100 ns. */
  readonly end: number;
}

/**
 * Groups an asset's tracks into streams.
 * @throws MalformedMediaError when the server manifest and the tracks contradict each other
 */
export function makePresentation(
  tracks: readonly { readonly listed: ListedTrack; readonly stored: StoredTrack }[],
): Presentation {
  const video = new Map<string, Rendition<VideoConfiguration>[]>();
  const audio = new Map<string, { language: string; renditions: Rendition<AudioConfiguration>[] }>();
  for (const { listed, stored } of tracks) {
    const { configuration } = stored.track;
    const { bitrate, stream } = listed;
    if (listed.kind !== configuration.kind) {
      throw new MalformedMediaError(`The server manifest calls ${configuration.kind} ${listed.kind}.`);
    }
    if (configuration.kind === 'video') {
      const renditions = video.get(stream) ?? [];
      video.set(stream, [...renditions, { bitrate, configuration, stored }]);
    } else {
      const { language, renditions } = audio.get(stream) ?? { language: listed.language, renditions: [] };
      audio.set(stream, { language, renditions: [...renditions, { bitrate, configuration, stored }] });
    }
  }
  for (const name of audio.keys()) {
    if (video.has(name)) throw new MalformedMediaError(`Video and audio are both named ${name}.`);
  }
  return {
    video: [...video].map(([name, renditions]) => ({
      kind: 'video',
      name,
      renditions: byBitrate(renditions),
    })),
    audio: [...audio].map(([name, { language, renditions }]) => ({
      kind: 'audio',
      name,
      language,
      renditions: byBitrate(renditions),
    })),
    end: Math.max(...tracks.map(({ stored: { index } }) => segmentTime(index, segmentCount(index)))),
  };
}

function byBitrate<R extends Rendition>(renditions: readonly R[]): readonly R[] {
  const sorted = renditions.toSorted((left, right) => left.bitrate - right.bitrate);
  sorted.forEach(({ bitrate }, at) => {
    if (sorted[at + 1]?.bitrate === bitrate) {
      throw new MalformedMediaError(`Two tracks of one stream have the bitrate ${bitrate}.`);
    }
  });
  return sorted;
}

/** A frame rate as a fraction in lowest terms. */
export interface FrameRate {
  readonly numerator: number;
  readonly denominator: number;
}

/** Rates of television and film that no time scale of 90 kHz holds exactly, and those near them. */
const standardRates: readonly FrameRate[] = [24, 30, 48, 60].flatMap((rate) => [
  { numerator: rate * 1000, denominator: 1001 },
  { numerator: rate, denominator: 1 },
]);

/**
 * The greatest frame rate in the first segment; undefined when its durations are not known. Where they differ by the
 * rounding of a time scale alone, the rate that was meant.
 */
export function frameRateOf(rendition: Rendition): FrameRate | undefined {
  const durations = rendition.stored.firstDurations.filter((duration) => duration > 0);
  if (durations.length === 0) return undefined;
  const { timescale } = rendition.stored.track;
  const shortest = Math.min(...durations);
  const longest = Math.max(...durations);
  if (longest - shortest !== 1) return inLowestTerms(timescale, shortest);
  const mean = durations.reduce((sum, duration) => sum + duration, 0) / durations.length;
  const off = ({ numerator, denominator }: FrameRate): number =>
    Math.abs((timescale * denominator) / numerator - mean);
  const nearest = standardRates.reduce((best, rate) => (off(rate) < off(best) ? rate : best));
  // Rounded durations are at most one unit off in all.
  return off(nearest) <= 1 / durations.length ? nearest : inLowestTerms(timescale, shortest);
}

function inLowestTerms(numerator: number, denominator: number): FrameRate {
  const divisor = greatestCommonDivisor(numerator, denominator);
  return { numerator: numerator / divisor, denominator: denominator / divisor };
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}

/** Start times of a track's segments and the end of the last, ticks of 100 ns. */
export function boundariesOf(index: SegmentIndex): readonly number[] {
  return Array.from({ length: segmentCount(index) + 1 }, (_, segment) => segmentTime(index, segment));
}

/** Equal durations in a row, as every manifest with a timeline writes them. */
export function runsOf(
  boundaries: readonly number[],
): readonly { readonly start: number; readonly duration: number; readonly count: number }[] {
  const runs: { start: number; duration: number; count: number }[] = [];
  boundaries.slice(0, -1).forEach((start, segment) => {
    const duration = (boundaries[segment + 1] ?? start) - start;
    const last = runs.at(-1);
    if (last?.duration === duration) last.count += 1;
    else runs.push({ start, duration, count: 1 });
  });
  return runs;
}

/** Whether all renditions are cut at the same times. */
export function isAligned(renditions: readonly Rendition[]): boolean {
  const [first, ...others] = renditions.map(({ stored: { index } }) => index);
  if (first === undefined) return true;
  return others.every((other) => {
    if (segmentCount(other) !== segmentCount(first)) return false;
    for (let segment = 0; segment < segmentCount(first); segment += 1) {
      if (segmentTime(other, segment) !== segmentTime(first, segment)) return false;
    }
    return true;
  });
}
