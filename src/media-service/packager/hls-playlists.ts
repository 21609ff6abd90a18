import { averageBitrate, peakBitrate, targetDuration } from './bandwidth.ts';
import { boundariesOf, frameRateOf, type Presentation, type Rendition } from './presentation.ts';
import type { SegmentIndex } from './segment-index.ts';
import { manifestTimescale } from './times.ts';
import type { AudioConfiguration, VideoConfiguration } from './track.ts';

const hlsFormat = 'm3u8-cmaf';

/** EXT-X-MAP in a playlist of whole segments needs version 6 (RFC 8216, 7). */
const header = ['#EXTM3U', '#EXT-X-VERSION:6'];

/** One audio rendition with its stream; renditions of one bitrate are a group, as all of a group go with a variant. */
interface AudioGroup {
  readonly id: string;
  readonly members: readonly {
    readonly name: string;
    readonly language: string;
    readonly rendition: Rendition<AudioConfiguration>;
  }[];
}

/** One for all media playlists, as players rely on (RFC 8216, 6.2.4). */
function commonTarget({ video, audio }: Presentation): number {
  const streams: readonly { readonly renditions: readonly Rendition[] }[] = [...video, ...audio];
  const targets = streams.flatMap(({ renditions }) =>
    renditions.map(({ stored }) => targetDuration(stored.index)),
  );
  return Math.max(1, ...targets);
}

/** The master playlist (RFC 8216, 4.3.4): a variant for each video rendition with each audio group. */
export function hlsMasterPlaylist(presentation: Presentation): string {
  const groups = audioGroups(presentation);
  const target = commonTarget(presentation);
  const lines = [...header, '#EXT-X-INDEPENDENT-SEGMENTS'];
  if (presentation.video.length === 0) {
    for (const { members } of groups) {
      for (const { name, rendition } of members) {
        lines.push(variant([rendition], target, {}), playlistUrl(name, rendition.bitrate));
      }
    }
    return `${lines.join('\n')}\n`;
  }
  for (const { id, members } of groups) {
    members.forEach(({ name, language, rendition }, member) =>
      lines.push(
        `#EXT-X-MEDIA:${attributes({
          TYPE: 'AUDIO',
          'GROUP-ID': quoted(id),
          NAME: quoted(name),
          LANGUAGE: language === 'und' ? undefined : quoted(language),
          DEFAULT: member === 0 ? 'YES' : 'NO',
          AUTOSELECT: 'YES',
          CHANNELS: quoted(String(rendition.configuration.channels)),
          URI: quoted(playlistUrl(name, rendition.bitrate)),
        })}`,
      ),
    );
  }
  for (const { name, renditions } of presentation.video) {
    for (const group of groups.length > 0 ? groups : [undefined]) {
      for (const rendition of renditions) {
        lines.push(videoVariant(rendition, group, target), playlistUrl(name, rendition.bitrate));
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

function videoVariant(
  rendition: Rendition<VideoConfiguration>,
  group: AudioGroup | undefined,
  target: number,
): string {
  const { width, height } = rendition.configuration;
  const rate = frameRateOf(rendition);
  return variant([rendition, ...(group === undefined ? [] : [heaviest(group, target)])], target, {
    RESOLUTION: `${width}x${height}`,
    'FRAME-RATE': rate && (rate.numerator / rate.denominator).toFixed(3),
    AUDIO: group && quoted(group.id),
  });
}

/** EXT-X-STREAM-INF of what is played together: bandwidths add up (RFC 8216, 4.3.4.2). */
function variant(
  together: readonly Rendition[],
  target: number,
  more: Readonly<Record<string, string | undefined>>,
): string {
  const sum = (bitrate: (rendition: Rendition) => number): string =>
    String(together.reduce((total, rendition) => total + bitrate(rendition), 0));
  const codecs = new Set(together.map(({ configuration }) => configuration.codecs));
  return `#EXT-X-STREAM-INF:${attributes({
    BANDWIDTH: sum(({ stored }) => peakBitrate(stored.index, target)),
    'AVERAGE-BANDWIDTH': sum(({ stored }) => averageBitrate(stored.index)),
    CODECS: quoted([...codecs].join(',')),
    ...more,
  })}`;
}

function audioGroups(presentation: Presentation): readonly AudioGroup[] {
  const members = presentation.audio.flatMap(({ name, language, renditions }) =>
    renditions.map((rendition) => ({ name, language, rendition })),
  );
  const bitrates = [...new Set(members.map(({ rendition }) => rendition.bitrate))];
  return bitrates.map((bitrate) => ({
    id: `audio-${bitrate}`,
    members: members.filter(({ rendition }) => rendition.bitrate === bitrate),
  }));
}

/** The member with the highest peak: BANDWIDTH is that of the heaviest combination that can be played. */
function heaviest(group: AudioGroup, target: number): Rendition {
  return group.members
    .map(({ rendition }) => rendition)
    .reduce((most, rendition) =>
      peakBitrate(rendition.stored.index, target) > peakBitrate(most.stored.index, target) ? rendition : most,
    );
}

function playlistUrl(stream: string, bitrate: number): string {
  return `QualityLevels(${bitrate})/Manifest(${stream},format=${hlsFormat})`;
}

function quoted(text: string): string {
  return `"${text}"`;
}

function attributes(list: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(list)
    .filter((entry) => entry[1] !== undefined)
    .map(([name, value]) => `${name}=${value ?? ''}`)
    .join(',');
}

/** A media playlist (RFC 8216, 4.3.3), whose URLs are relative to itself. */
export function hlsMediaPlaylist(presentation: Presentation, stream: string, index: SegmentIndex): string {
  // Without an extension that is known ffmpeg (5.1.7, 7.1.1 and later) refuses a segment's URL.
  const url = (what: string | number): string => `Fragments(${stream}=${what},format=${hlsFormat}).m4s`;
  const boundaries = boundariesOf(index);
  const lines = [
    ...header,
    `#EXT-X-TARGETDURATION:${commonTarget(presentation)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    '#EXT-X-INDEPENDENT-SEGMENTS',
    `#EXT-X-MAP:URI="${url('i')}"`,
  ];
  boundaries.slice(0, -1).forEach((start, segment) => {
    const end = boundaries[segment + 1] ?? start;
    lines.push(`#EXTINF:${((end - start) / manifestTimescale).toFixed(7)},`, url(start));
  });
  return `${[...lines, '#EXT-X-ENDLIST'].join('\n')}\n`;
}
