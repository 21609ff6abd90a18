import { MalformedMediaError } from '../boxes/malformed-media.ts';
import {
  boundariesOf,
  isAligned,
  runsOf,
  type AudioStream,
  type Presentation,
  type Rendition,
  type VideoStream,
} from './presentation.ts';
import { manifestTimescale } from './times.ts';
import type { AudioConfiguration, VideoConfiguration } from './track.ts';
import { element, xmlDeclaration } from '../xml.ts';

/**
 * The Smooth Streaming client manifest ([MS-SSTR] 2.2.2).
 * @throws MalformedMediaError when a stream's renditions are not cut at the same times, which Smooth cannot say
 */
export function smoothManifest(presentation: Presentation): string {
  const streams = [...presentation.video.map(videoIndex), ...presentation.audio.map(audioIndex)];
  return `${xmlDeclaration}\n${element(
    'SmoothStreamingMedia',
    { MajorVersion: 2, MinorVersion: 2, Duration: presentation.end, TimeScale: manifestTimescale },
    streams,
  )}\n`;
}

function videoIndex(stream: VideoStream): string {
  const maximum = (side: 'width' | 'height'): number =>
    Math.max(...stream.renditions.map(({ configuration }) => configuration[side]));
  return streamIndex(
    stream,
    {
      MaxWidth: maximum('width'),
      MaxHeight: maximum('height'),
      DisplayWidth: maximum('width'),
      DisplayHeight: maximum('height'),
    },
    stream.renditions.map(({ bitrate, configuration }, index) =>
      element('QualityLevel', {
        Index: index,
        Bitrate: bitrate,
        FourCC: 'H264',
        MaxWidth: configuration.width,
        MaxHeight: configuration.height,
        CodecPrivateData: videoPrivateData(configuration),
      }),
    ),
  );
}

function audioIndex(stream: AudioStream): string {
  return streamIndex(
    stream,
    { Language: stream.language },
    stream.renditions.map(({ bitrate, configuration }, index) =>
      element('QualityLevel', {
        Index: index,
        Bitrate: bitrate,
        FourCC: 'AACL',
        SamplingRate: configuration.sampleRate,
        Channels: configuration.channels,
        BitsPerSample: 16,
        PacketSize: 4,
        AudioTag: 255,
        CodecPrivateData: audioPrivateData(configuration),
      }),
    ),
  );
}

function streamIndex(
  stream: VideoStream | AudioStream,
  attributes: Readonly<Record<string, string | number>>,
  levels: readonly string[],
): string {
  const [first] = stream.renditions as readonly Rendition[];
  if (first === undefined || !isAligned(stream.renditions)) {
    throw new MalformedMediaError(`The renditions of ${stream.name} are not cut at the same times.`);
  }
  const boundaries = boundariesOf(first.stored.index);
  return element(
    'StreamIndex',
    {
      Type: stream.kind,
      Name: stream.name,
      Chunks: boundaries.length - 1,
      QualityLevels: levels.length,
      ...attributes,
      Url: `QualityLevels({bitrate})/Fragments(${stream.name}={start time})`,
    },
    [...levels, ...chunks(boundaries)],
  );
}

/** Elements `c`: equal durations in a row are one element with a count `r` ([MS-SSTR] 2.2.2.6). */
function chunks(boundaries: readonly number[]): readonly string[] {
  return runsOf(boundaries).map(({ start, duration, count }, run) =>
    element('c', {
      t: run === 0 ? start : undefined,
      d: duration,
      r: count > 1 ? count : undefined,
    }),
  );
}

/** Each parameter set behind a start code ([MS-SSTR] 2.2.2.5, CodecPrivateData of H264). */
function videoPrivateData(configuration: VideoConfiguration): string {
  return configuration.parameterSets
    .map((set) => `00000001${set.toString('hex')}`)
    .join('')
    .toUpperCase();
}

function audioPrivateData(configuration: AudioConfiguration): string {
  return configuration.specificConfig.toString('hex').toUpperCase();
}
