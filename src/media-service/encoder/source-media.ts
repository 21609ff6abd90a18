import { z } from 'zod';
import { finalError } from './encode-error.ts';

/** A ratio of whole numbers: frames a second. */
export interface Rate {
  readonly numerator: number;
  readonly denominator: number;
}

/** The picture of the input as a viewer sees it: rotated upright, with square pixels. */
export interface SourceVideo {
  /** The stream's index in the file. */
  readonly index: number;
  /** Pixels, of the upright picture with square pixels; may be odd. */
  readonly width: number;
  readonly height: number;
  /** A picture as it is coded, in pixels. */
  readonly coded: { readonly width: number; readonly height: number };
  /** Constant; what is variable or too fast in the source is brought to this. */
  readonly frameRate: Rate;
  readonly interlaced: boolean;
  /** Whether the file says that its pictures are to be turned. */
  readonly turned: boolean;
  /** How a high dynamic range was coded; undefined for an ordinary picture. */
  readonly highDynamicRange: 'smpte2084' | 'arib-std-b67' | undefined;
  /** The colour matrix (names of H.273 as ffmpeg and x264 spell them); `rgb` has none. */
  readonly matrix: string;
  /** The colour primaries and the transfer, likewise; undefined when the file does not say, or in words of its own. */
  readonly primaries: string | undefined;
  readonly transfer: string | undefined;
  /** Bits a second that it would have as H.264; undefined when the file does not say. */
  readonly bitrate: number | undefined;
}

export interface SourceMedia {
  readonly video: SourceVideo;
  readonly audio:
    | {
        readonly index: number;
        /** RFC 5646; `und` when the file does not say. */
        readonly language: string;
        readonly channels: number;
        /** Further sound tracks of the file, which are left out. */
        readonly leftOut: number;
        /** Seconds for which the sound goes on after the picture; 0 when it does not or the file does not say. */
        readonly overhang: number;
      }
    | undefined;
  /** Seconds; undefined when the file does not say (recordings that were never closed). */
  readonly duration: number | undefined;
  /** Whether the file states its duration (MP4, Matroska). */
  readonly durationIsStated: boolean;
}

const number = z.coerce.number().optional().catch(undefined);
const text = z.string().optional().catch(undefined);
const stream = z.object({
  index: z.number().int(),
  codec_type: text,
  codec_name: text,
  width: number,
  height: number,
  sample_aspect_ratio: text,
  avg_frame_rate: text,
  r_frame_rate: text,
  field_order: text,
  color_primaries: text,
  color_transfer: text,
  color_space: text,
  pix_fmt: text,
  bit_rate: number,
  duration: number,
  channels: number,
  disposition: z.record(z.string(), z.number()).default({}),
  tags: z.record(z.string(), z.string()).default({}),
  side_data_list: z.array(z.object({ rotation: number })).default([]),
});
type Stream = z.infer<typeof stream>;

/** What `ffprobe -show_streams -show_format -of json` prints. */
export const probeOutput = z.object({
  streams: z.array(stream).default([]),
  format: z
    .object({ format_name: text, start_time: number, duration: number, bit_rate: number, size: number })
    .default({
      format_name: undefined,
      start_time: undefined,
      duration: undefined,
      bit_rate: undefined,
      size: undefined,
    }),
});
export type ProbeOutput = z.infer<typeof probeOutput>;

/** What decoders of H.264's level 6.2 take (ITU-T H.264, table A-1); more is an attack or no video. */
const largestSide = 8192;
export const mostPixels = 139_264 * 16 ** 2;
const standardRates: readonly Rate[] = [
  [24000, 1001],
  [24, 1],
  [25, 1],
  [30000, 1001],
  [30, 1],
  [48, 1],
  [50, 1],
  [60000, 1001],
  [60, 1],
].map(([numerator = 0, denominator = 1]) => ({ numerator, denominator }));

/**
 * What is to be encoded of an input: its largest moving picture and its main sound.
 * @throws EncodeError final when there is no video, or none that can be encoded
 */
export function readSourceMedia({ streams, format }: ProbeOutput, inputName: string): SourceMedia {
  const decodable = streams.filter(({ codec_name: codec }) => codec !== undefined && codec !== 'unknown');
  const videos = decodable.filter(
    ({ codec_type: type, disposition, width = 0, height = 0 }) =>
      // A cover picture is a video stream too.
      type === 'video' && disposition['attached_pic'] !== 1 && width > 0 && height > 0,
  );
  const audios = decodable.filter(({ codec_type: type, channels = 0 }) => type === 'audio' && channels > 0);
  const video = preferred(videos, ({ width = 0, height = 0 }) => width * height);
  const audio = preferred(audios, () => 0);
  if (video === undefined) {
    throw finalError(
      'ErrorExecutingTaskUnsupportedFormat',
      `'${inputName}' has no video stream${audios.length > 0 ? ', only sound' : ''} that can be decoded. Submit a file with video.`,
    );
  }
  const upright = uprightSize(video);
  const { width = 0, height = 0 } = video;
  if (Math.max(upright.width, upright.height) > largestSide || width * height > mostPixels) {
    throw finalError(
      'ErrorExecutingTaskUnsupportedFormat',
      `The picture of '${inputName}' is ${upright.width}x${upright.height}; at most ${largestSide} pixels a side and ${mostPixels} in all can be encoded.`,
    );
  }
  // Matroska may state when it ends; what was cut from a broadcast starts late.
  const late = format.format_name?.startsWith('matroska') === true ? Math.max(0, format.start_time ?? 0) : 0;
  const durations = [statedDuration(video), format.duration]
    .filter((seconds) => seconds !== undefined && seconds > 0)
    .map((seconds) => (Number(seconds) > late ? Number(seconds) - late : Number(seconds)));
  // Elsewhere durations are estimated, at times badly.
  const durationIsStated = /^(mov|matroska)/.test(format.format_name ?? '');
  return {
    video: {
      index: video.index,
      ...upright,
      coded: { width, height },
      frameRate: frameRate(video),
      interlaced: ['tt', 'bb', 'tb', 'bt'].includes(video.field_order ?? ''),
      turned: rotation(video) !== 0,
      highDynamicRange: highDynamicRange(video),
      matrix: matrix(video),
      primaries: knownOf(primaries, video.color_primaries),
      transfer: knownOf(transfers, video.color_transfer),
      bitrate: bitrateAsH264(video, videoBitrate(video, audios, format)),
    },
    audio:
      audio === undefined
        ? undefined
        : {
            index: audio.index,
            language: language(audio),
            channels: audio.channels ?? 2,
            leftOut: audios.length - 1,
            overhang: durationIsStated ? overhang(audio, video) : 0,
          },
    duration: durations.length > 0 ? Math.min(...durations) : undefined,
    durationIsStated,
  };
}

/** Files have the codes of ISO 639-2 (`fra`, `fre`); manifests have the shortest (`fr`). */
function language({ tags }: Stream): string {
  const stated = tags['language'] ?? 'und';
  try {
    return Intl.getCanonicalLocales(stated)[0] ?? 'und';
  } catch {
    return 'und';
  }
}

function overhang(audio: Stream, video: Stream): number {
  const [sound, picture] = [statedDuration(audio), statedDuration(video)];
  return sound === undefined || picture === undefined ? 0 : Math.max(0, sound - picture);
}

/** Seconds; Matroska has a stream's own duration in a tag, as `hours:minutes:seconds`, for which ffprobe tells the file's. */
function statedDuration({ duration, tags }: Stream): number | undefined {
  const [, hours, minutes, seconds] = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/.exec(tags['DURATION'] ?? '') ?? [];
  return seconds === undefined ? duration : Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
}

/** Streams marked as default come first, then the heaviest, then the first. */
function preferred(streams: readonly Stream[], weight: (stream: Stream) => number): Stream | undefined {
  const marked = streams.filter(({ disposition }) => disposition['default'] === 1);
  return [...(marked.length > 0 ? marked : streams)].sort((a, b) => weight(b) - weight(a))[0];
}

function uprightSize(stream: Stream): { readonly width: number; readonly height: number } {
  const { width = 0, height = 0 } = stream;
  const ratio = parseRatio(stream.sample_aspect_ratio, ':');
  // Widened or narrowed, whichever keeps every pixel there is (ITU-R BT.601 pictures are both).
  const pixel = ratio === undefined ? 1 : ratio.numerator / ratio.denominator;
  const square =
    pixel >= 1 ? { width: Math.round(width * pixel), height } : { width, height: Math.round(height / pixel) };
  const quarter = Math.round(Math.abs(rotation(stream)) / 90) % 2 === 1;
  return quarter ? { width: square.height, height: square.width } : square;
}

/** Degrees; older versions of ffprobe tell it in a tag. */
function rotation({ side_data_list: sideData, tags }: Stream): number {
  const stated = sideData.find(({ rotation: degrees }) => degrees !== undefined)?.rotation;
  return stated ?? (Number(tags['rotate']) || 0);
}

/**
 * The average rate. Where some frames are missing (phones drop them in the dark) the rate they were meant for, as long
 * as that is near. Halved until it is at most 60, and one of the usual rates when it is close to one: averages are
 * never exact. At least 10, so that key frames can fall on every second one.
 */
function frameRate(stream: Stream): Rate {
  const average = parseRatio(stream.avg_frame_rate, '/');
  const base = parseRatio(stream.r_frame_rate, '/');
  const value = (rate: Rate | undefined): number =>
    rate === undefined ? 0 : rate.numerator / rate.denominator;
  let rate = value(average) > 0 && value(average) <= 1000 ? average : base;
  if (base !== undefined && value(base) > value(rate) && value(base) <= value(rate) * 1.25) rate = base;
  if (rate === undefined || value(rate) > 480) rate = { numerator: 30, denominator: 1 };
  while (value(rate) > 60.1) rate = { ...rate, denominator: rate.denominator * 2 };
  if (value(rate) < 10) return { numerator: 10, denominator: 1 };
  const exact = rate;
  const nearest = standardRates.reduce((best, next) =>
    Math.abs(value(next) - value(exact)) < Math.abs(value(best) - value(exact)) ? next : best,
  );
  if (Math.abs(value(nearest) / value(exact) - 1) < 0.006) return nearest;
  return { numerator: Math.round(value(exact) * 1000), denominator: 1000 };
}

function parseRatio(ratio: string | undefined, separator: string): Rate | undefined {
  const [numerator = 0, denominator = 0] = (ratio ?? '').split(separator).map(Number);
  return numerator > 0 && denominator > 0 ? { numerator, denominator } : undefined;
}

function highDynamicRange({ color_transfer: transfer }: Stream): SourceVideo['highDynamicRange'] {
  return transfer === 'smpte2084' || transfer === 'arib-std-b67' ? transfer : undefined;
}

const matrices = ['bt709', 'smpte170m', 'bt470bg', 'bt2020nc', 'fcc', 'smpte240m'];
const primaries = [
  'bt709',
  'bt470m',
  'bt470bg',
  'smpte170m',
  'smpte240m',
  'film',
  'bt2020',
  'smpte431',
  'smpte432',
];
const transfers = ['bt709', 'bt470m', 'bt470bg', 'smpte170m', 'smpte240m', 'linear', 'iec61966-2-1', 'bt2020-10', 'bt2020-12']; // prettier-ignore

function knownOf(known: readonly string[], name: string | undefined): string | undefined {
  return name !== undefined && known.includes(name) ? name : undefined;
}

/** A file that does not name its matrix has the one that is usual for its size (as players assume). */
function matrix({ color_space: space, pix_fmt: pixels = '', width = 0, height = 0 }: Stream): string {
  if (space === 'gbr' || /^(gbr|rgb|bgr|argb|abgr|rgba|bgra|pal8)/.test(pixels)) return 'rgb';
  const stated = knownOf(matrices, space);
  if (stated !== undefined) return stated;
  // Wide pictures of high definition have few lines; turned ones have them as columns.
  const [lines, columns] = [Math.min(width, height), Math.max(width, height)];
  if (columns >= 1280 || lines > 576) return 'bt709';
  return lines === 576 ? 'bt470bg' : 'smpte170m';
}

/** How many bits H.264 takes for a picture, to one of the codec that the source has. */
const gain: Readonly<Record<string, number>> = { hevc: 1.5, vp9: 1.5, av1: 2 };

function bitrateAsH264({ codec_name: codec = '' }: Stream, bitrate: number | undefined): number | undefined {
  return bitrate === undefined ? undefined : bitrate * (gain[codec] ?? 1);
}

/** Matroska and WebM give only the whole file's rate: less what its sound is said, or likely, to take. */
function videoBitrate(
  video: Stream,
  audios: readonly Stream[],
  format: ProbeOutput['format'],
): number | undefined {
  if (video.bit_rate !== undefined && video.bit_rate > 0) return video.bit_rate;
  const whole =
    format.bit_rate ??
    (format.size !== undefined && format.duration !== undefined && format.duration > 0
      ? (format.size * 8) / format.duration
      : undefined);
  if (whole === undefined) return undefined;
  const sound = audios.reduce((sum, { bit_rate: rate }) => sum + (rate ?? 96_000), 0);
  return Math.max(whole - sound, whole / 2);
}
