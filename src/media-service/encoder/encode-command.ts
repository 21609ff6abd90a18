import type { Rendition } from './ladder.ts';
import { aacFrame, leastDifference } from './silence.ts';
import type { Rate, SourceMedia, SourceVideo } from './source-media.ts';

export interface EncodePlan {
  readonly renditions: readonly Rendition[];
  readonly audio: { readonly kbps: number } | undefined;
}

/** More than any channels of sound add up to. */
const unlimited = 100;

/** Where ffmpeg writes: video renditions to file descriptors 3, 4, …, then the audio, then its progress. */
const firstPipe = 3;

/**
 * What ffmpeg may read and how (its own defence, beside the relay that gives it one file): containers that name no
 * other files (a playlist uploaded as video.mp4 is refused as unknown), over plain http to the relay.
 */
const demuxers = [
  'mov', 'matroska', 'webm', 'avi', 'mpegts', 'mpeg', 'mpegvideo', 'flv', 'asf', 'ogg', 'mxf', 'gxf', 'wtv',
  'h264', 'hevc', 'm4v', 'dv', 'ivf', 'yuv4mpegpipe', 'gif', 'mp3', 'aac', 'wav', 'flac', 'ac3',
]; // prettier-ignore

/** Options that stand before an input. */
export const inputOptions: readonly string[] = [
  ...['-protocol_whitelist', 'http,tcp'],
  ...['-format_whitelist', demuxers.join(',')],
];

/** Every thread of the decoder keeps pictures of its own, and the encoders need the processors. */
const decoderThreads = 2;
/** A recording may change the size of its picture in the middle, to 4K at most if it did not begin with more. */
const mostPixelsLater = 4096 * 2304;
/** Pictures are coded in whole blocks, which stand out at the edges. */
const blockMargin = 1.25;

/**
 * What bounds the decoder's memory: what the file says of itself at its start does not bind what follows. Pictures
 * beyond it are errors.
 */
function decoderLimits({ coded }: SourceVideo): string[] {
  const most = Math.max(coded.width * coded.height, mostPixelsLater);
  return ['-threads', String(decoderThreads), ...pixelLimit(most)];
}

/** Options before an input: its decoders refuse pictures of more pixels, in words that `refusedSize` knows. */
export function pixelLimit(pixels: number): string[] {
  return ['-max_pixels', String(Math.ceil(pixels * blockMargin))];
}

/** The size of a picture that was refused; in the words of ffmpeg's av_image_check_size2. */
export function refusedSize(errors: string): string | undefined {
  return /Picture size (\d+x\d+) exceeds specified max pixel count/.exec(errors)?.[1];
}

/** The arguments of ffmpeg for one run that makes every rendition. */
export function encodeArguments(
  url: string,
  media: SourceMedia,
  plan: EncodePlan,
  options: { readonly speed: string; readonly toneMapping: boolean },
): string[] {
  const outputs = [
    ...plan.renditions.map((rendition, index) => videoOutput(rendition, index, media.video, options.speed)),
    ...(plan.audio === undefined ? [] : [audioOutput(plan.audio.kbps, plan.renditions.length)]),
  ];
  return [
    ...['-nostdin', '-hide_banner', '-v', 'error'],
    ...['-progress', `pipe:${firstPipe + outputs.length}`],
    ...inputOptions,
    ...decoderLimits(media.video),
    // Where the picture's size changes, the first filter takes it as it comes. Filters made anew would start at time 0.
    ...(media.video.turned ? [] : ['-reinit_filter:v', '0']),
    ...['-i', url],
    // A graph for each: it is made anew when its input changes, as sound does from 5.1 to stereo and back.
    ...['-filter_complex', videoGraph(media, plan, options.toneMapping)],
    ...(media.audio === undefined || plan.audio === undefined
      ? []
      : ['-filter_complex', audioGraph(media.audio)]),
    ...outputs.flat(),
  ];
}

function videoGraph(media: SourceMedia, plan: EncodePlan, toneMapping: boolean): string {
  const { video, audio } = media;
  const rate = `${video.frameRate.numerator}/${video.frameRate.denominator}`;
  const overhang = plan.audio === undefined ? 0 : (audio?.overhang ?? 0);
  // ffmpeg turns the picture upright before the graph. The last one stays while there is sound.
  const prepare = [
    // bwdif takes pictures of one size only.
    ...(video.interlaced && !video.turned
      ? [`scale=${video.coded.width}:${video.coded.height}:interl=1`]
      : []),
    ...(video.interlaced ? ['bwdif=mode=send_frame'] : []),
    `fps=${rate}:start_time=0`,
    ...(overhang < leastDifference ? [] : [`tpad=stop_mode=clone:stop_duration=${overhang.toFixed(3)}`]),
  ];
  const chains = plan.renditions.map(({ width, height }, index) => {
    const input = index === 0 ? `[0:${video.index}]${prepare.join(',')},` : `[s${index}]`;
    const scale = [
      `scale=${width}:${height}:flags=bicubic:out_range=tv${video.matrix === 'rgb' ? ':out_color_matrix=bt709' : ''}`,
      'setsar=1',
      ...(index === 0 ? [...toOrdinaryRange(video, toneMapping), 'format=yuv420p'] : []),
    ].join(',');
    const last = index === plan.renditions.length - 1;
    return `${input}${scale}${last ? '' : ',split=2'}[v${index}]${last ? '' : `[s${index + 1}]`}`;
  });
  return chains.join(';');
}

/** Sound becomes as loud in stereo as it was: the centre and mono keep their level, and the sum never clips. */
function audioGraph({ index, channels }: NonNullable<SourceMedia['audio']>): string {
  // The centre of 5.1 goes to each side 3 dB lower (ITU-R BS.775); ffmpeg does so with mono, too, which is to stay.
  const volume = channels === 1 ? Math.SQRT2 : 1;
  const filters = [
    // Silence fills gaps, so that sound stays with the picture. What is missing at the start readCmafTrack fills.
    `aresample=48000:async=1:internal_sample_fmt=fltp:rematrix_maxval=${unlimited}:rematrix_volume=${volume}`,
    'aformat=sample_fmts=fltp:channel_layouts=stereo',
    'atrim=start=0',
    // It looks 5 ms ahead, by which the sound is late: nobody notices.
    ...(channels === 2 ? [] : ['alimiter=limit=0.97:level=0', 'aformat=sample_fmts=fltp']),
    // Of a track without any sound this makes one frame (withSilence does the rest).
    `apad=packet_size=${aacFrame}:whole_len=${aacFrame}`,
  ];
  return `[0:${index}]${filters.join(',')}[a]`;
}

/** Tone mapping of high dynamic range (PQ, HLG) to BT.709; every colour property is given, as files leave some out. */
function toOrdinaryRange({ highDynamicRange: transfer }: SourceVideo, toneMapping: boolean): string[] {
  if (transfer === undefined || !toneMapping) return [];
  return [
    `zscale=tin=${transfer}:pin=bt2020:min=bt2020nc:rin=tv:t=linear:npl=100`,
    'format=gbrpf32le',
    'zscale=p=bt709',
    'tonemap=tonemap=hable:desat=0',
    'zscale=t=bt709:m=bt709:r=tv',
  ];
}

function videoOutput(rendition: Rendition, index: number, video: SourceVideo, speed: string): string[] {
  const { kbps, peakKbps } = rendition;
  return [
    ...['-map', `[v${index}]`, '-c:v', 'libx264', '-preset', speed, '-profile:v', 'high'],
    ...['-b:v', `${kbps}k`, '-maxrate', `${Math.round(peakKbps * 1.1)}k`, '-bufsize', `${peakKbps * 2}k`],
    // Key frames at the same times in every rendition, and closed groups of pictures between them.
    ...['-force_key_frames', 'expr:gte(t,n_forced*2)'],
    ...['-x264-params', `scenecut=0:open-gop=0:keyint=infinite:bframes=2:ref=2:${colours(video)}`],
    ...[
      '-map_metadata',
      '-1',
      '-map_chapters',
      '-1',
      '-video_track_timescale',
      String(timescale(video.frameRate)),
    ],
    ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof+skip_trailer'],
    ...['-f', 'mp4', `pipe:${firstPipe + index}`],
  ];
}

/** What goes with a matrix where a file does not say (ITU-T H.273; both forms of BT.601 have one transfer). */
const usual: Readonly<Record<string, { readonly primaries: string; readonly transfer: string }>> = {
  smpte170m: { primaries: 'smpte170m', transfer: 'smpte170m' },
  bt470bg: { primaries: 'bt470bg', transfer: 'smpte170m' },
  smpte240m: { primaries: 'smpte240m', transfer: 'smpte240m' },
  fcc: { primaries: 'bt470m', transfer: 'bt470m' },
  bt2020nc: { primaries: 'bt2020', transfer: 'bt2020-10' },
};

/** x264's labels of the colours, which are the source's but for what the filters have converted. */
function colours({ highDynamicRange, ...source }: SourceVideo): string {
  const matrix = source.matrix === 'rgb' || highDynamicRange !== undefined ? 'bt709' : source.matrix;
  const { primaries, transfer } = usual[matrix] ?? { primaries: 'bt709', transfer: 'bt709' };
  const stated = highDynamicRange === undefined ? source : undefined;
  return `colorprim=${stated?.primaries ?? primaries}:transfer=${stated?.transfer ?? transfer}:colormatrix=${matrix}`;
}

/** Units a second of which every picture lasts a whole number: the usual 90,000 if it can be. ffmpeg wants 10,000 or more. */
function timescale({ numerator, denominator }: Rate): number {
  const usual = 90_000;
  if ((usual * denominator) % numerator === 0) return usual;
  return numerator * Math.ceil(10_000 / numerator);
}

function audioOutput(kbps: number, index: number): string[] {
  return [
    ...['-map', '[a]', '-c:a', 'aac', '-b:a', `${kbps}k`, '-map_metadata', '-1', '-map_chapters', '-1'],
    // With delay_moov the edit list tells the encoder's priming, which readCmafTrack drops.
    ...['-movflags', '+delay_moov+default_base_moof+skip_trailer', '-frag_duration', '2000000'],
    ...['-f', 'mp4', `pipe:${firstPipe + index}`],
  ];
}
