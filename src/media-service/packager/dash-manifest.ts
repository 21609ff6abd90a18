import { minimumBuffer, targetDuration } from './bandwidth.ts';
import {
  boundariesOf,
  frameRateOf,
  isAligned,
  runsOf,
  type AudioStream,
  type FrameRate,
  type Presentation,
  type Rendition,
  type VideoStream,
} from './presentation.ts';
import type { SegmentIndex } from './segment-index.ts';
import { manifestTimescale } from './times.ts';
import type { AudioConfiguration, VideoConfiguration } from './track.ts';
import { element, xmlDeclaration } from '../xml.ts';

export type DashFormat = 'mpd-time-csf' | 'mpd-time-cmaf';

const profiles: Readonly<Record<DashFormat, string>> = {
  'mpd-time-csf': 'urn:mpeg:dash:profile:isoff-live:2011',
  'mpd-time-cmaf': 'urn:mpeg:dash:profile:isoff-live:2011,urn:mpeg:dash:profile:cmaf:2019',
};

/** The MPD (ISO/IEC 23009-1): static, one period, SegmentTemplate with `$Time$` and a SegmentTimeline. */
export function dashManifest(presentation: Presentation, format: DashFormat): string {
  const { video, audio } = presentation;
  const renditions: readonly Rendition[] = [
    ...video.flatMap((stream) => stream.renditions),
    ...audio.flatMap((stream) => stream.renditions),
  ];
  const buffer = Math.max(...renditions.map(({ stored, bitrate }) => startBuffer(stored.index, bitrate)));
  const sets = [
    ...video.map((stream, at) => videoSet(stream, at, format)),
    ...audio.map((stream, at) => audioSet(stream, video.length + at, format)),
  ];
  return `${xmlDeclaration}\n${element(
    'MPD',
    {
      xmlns: 'urn:mpeg:dash:schema:mpd:2011',
      profiles: profiles[format],
      type: 'static',
      mediaPresentationDuration: duration(presentation.end),
      minBufferTime: `PT${buffer.toFixed(1)}S`,
    },
    [element('Period', { id: '0', start: 'PT0S' }, sets)],
  )}\n`;
}

/**
 * The least buffer in seconds, rounded up to a tenth; two segments at most: for a track that is larger than its bitrate
 * says no honest value exists, and players wait for this much before they start.
 */
function startBuffer(index: SegmentIndex, bitrate: number): number {
  const least = Math.min(minimumBuffer(index, bitrate), 2 * targetDuration(index));
  return Math.ceil(least * 10) / 10;
}

/** An xs:duration of a time in ticks of 100 ns. */
function duration(ticks: number): string {
  return `PT${(ticks / manifestTimescale).toFixed(7).replace(/\.?0+$/, '')}S`;
}

function videoSet(stream: VideoStream, id: number, format: DashFormat): string {
  const maximum = (side: 'width' | 'height'): number =>
    Math.max(...stream.renditions.map(({ configuration }) => configuration[side]));
  return adaptationSet(
    stream,
    id,
    format,
    { mimeType: 'video/mp4', maxWidth: maximum('width'), maxHeight: maximum('height') },
    videoRepresentation,
  );
}

function audioSet(stream: AudioStream, id: number, format: DashFormat): string {
  const lang = stream.language === 'und' ? undefined : stream.language;
  return adaptationSet(stream, id, format, { mimeType: 'audio/mp4', lang }, audioRepresentation);
}

/** The timeline stands once for all representations, or with each when they are not cut alike. */
function adaptationSet<Configuration extends VideoConfiguration | AudioConfiguration>(
  stream: {
    readonly kind: 'video' | 'audio';
    readonly name: string;
    readonly renditions: readonly Rendition<Configuration>[];
  },
  id: number,
  format: DashFormat,
  attributes: Readonly<Record<string, string | number | undefined>>,
  representation: (id: string, rendition: Rendition<Configuration>, children: readonly string[]) => string,
): string {
  const aligned = isAligned(stream.renditions);
  const shared = stream.renditions.slice(0, aligned ? 1 : 0);
  return element(
    'AdaptationSet',
    {
      id,
      contentType: stream.kind,
      segmentAlignment: String(aligned),
      startWithSAP: 1,
      ...attributes,
    },
    [
      element('Role', { schemeIdUri: 'urn:mpeg:dash:role:2011', value: 'main' }),
      ...shared.map((rendition) => segmentTemplate(stream.name, rendition, format)),
      ...stream.renditions.map((rendition) =>
        representation(
          `${stream.name}-${rendition.bitrate}`,
          rendition,
          aligned ? [] : [segmentTemplate(stream.name, rendition, format)],
        ),
      ),
    ],
  );
}

function segmentTemplate(name: string, rendition: Rendition, format: DashFormat): string {
  const url = (what: string): string =>
    `QualityLevels($Bandwidth$)/Fragments(${name}=${what},format=${format})`;
  return element(
    'SegmentTemplate',
    { timescale: manifestTimescale, initialization: url('i'), media: url('$Time$') },
    [
      element(
        'SegmentTimeline',
        {},
        runsOf(boundariesOf(rendition.stored.index)).map(({ start, duration: d, count }, run) =>
          element('S', { t: run === 0 ? start : undefined, d, r: count > 1 ? count - 1 : undefined }),
        ),
      ),
    ],
  );
}

function videoRepresentation(
  id: string,
  rendition: Rendition<VideoConfiguration>,
  children: readonly string[],
): string {
  const { codecs, width, height } = rendition.configuration;
  const rate = frameRateOf(rendition);
  return element(
    'Representation',
    {
      id,
      bandwidth: rendition.bitrate,
      codecs,
      width,
      height,
      frameRate: rate && fraction(rate),
      sar: '1:1',
    },
    children,
  );
}

function fraction({ numerator, denominator }: FrameRate): string {
  return denominator === 1 ? String(numerator) : `${numerator}/${denominator}`;
}

function audioRepresentation(
  id: string,
  { bitrate, configuration: { codecs, sampleRate, channels } }: Rendition<AudioConfiguration>,
  children: readonly string[],
): string {
  return element('Representation', { id, bandwidth: bitrate, codecs, audioSamplingRate: sampleRate }, [
    element('AudioChannelConfiguration', {
      schemeIdUri: 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011',
      value: channels,
    }),
    ...children,
  ]);
}
