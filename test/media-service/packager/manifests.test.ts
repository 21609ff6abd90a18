import { describe, expect, it } from 'vitest';
import { dashManifest } from '../../../src/media-service/packager/dash-manifest.ts';
import { MalformedMediaError } from '../../../src/media-service/boxes/malformed-media.ts';
import { hlsMasterPlaylist, hlsMediaPlaylist } from '../../../src/media-service/packager/hls-playlists.ts';
import { makePresentation, type Presentation } from '../../../src/media-service/packager/presentation.ts';
import type { ListedTrack } from '../../../src/media-service/packager/server-manifest.ts';
import { smoothManifest } from '../../../src/media-service/packager/smooth-manifest.ts';
import { readStoredTrack } from '../../../src/media-service/packager/stored-track.ts';
import { makeStored, reader, syntheticAudio, syntheticVideo, type SyntheticOptions } from './synthetic.ts';

type Entry = readonly [listed: Partial<ListedTrack>, options: SyntheticOptions];

async function present(...entries: readonly Entry[]): Promise<Presentation> {
  return makePresentation(
    await Promise.all(
      entries.map(async ([listed, options]) => {
        const bytes = makeStored(options);
        const { kind } = options;
        return {
          listed: { kind, source: 'x', bitrate: 1000, stream: kind, language: 'und', ...listed },
          stored: await readStoredTrack(reader(bytes), bytes.length),
        };
      }),
    ),
  );
}

const video: Entry = [{ bitrate: 4000 }, syntheticVideo(1)];
const lines = (text: string, start: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(start));

describe('streams of other shapes', () => {
  it('video without sound', async () => {
    const presentation = await present(video);
    expect(smoothManifest(presentation)).not.toContain('audio');
    expect(dashManifest(presentation, 'mpd-time-cmaf')).not.toContain('audio');
    const master = hlsMasterPlaylist(presentation);
    expect(master).not.toMatch(/AUDIO|mp4a|EXT-X-MEDIA:/);
    expect(lines(master, '#EXT-X-STREAM-INF')).toHaveLength(1);
  });

  it('sound without video', async () => {
    const presentation = await present([{}, syntheticAudio]);
    expect(smoothManifest(presentation)).toMatch(/Type="audio"/);
    const master = hlsMasterPlaylist(presentation);
    expect(master).not.toMatch(/RESOLUTION|FRAME-RATE|EXT-X-MEDIA:|avc1/);
    expect(master).toMatch(/CODECS="mp4a.40.2"\nQualityLevels\(1000\)\/Manifest\(audio,format=m3u8-cmaf\)/);
    expect(dashManifest(presentation, 'mpd-time-csf')).not.toContain('video/mp4');
  });

  it('sound in two languages and two bitrates', async () => {
    const entries = (['en', 'de'] as const).flatMap((language) =>
      [64_000, 128_000].map((bitrate): Entry => [
        { stream: `audio_${language}`, language, bitrate },
        syntheticAudio,
      ]),
    );
    const presentation = await present(video, ...entries);
    const master = hlsMasterPlaylist(presentation);
    expect(lines(master, '#EXT-X-MEDIA:')).toEqual(
      [64_000, 128_000].flatMap((bitrate) =>
        ['en', 'de'].map(
          (language, at) =>
            `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio-${bitrate}",NAME="audio_${language}",LANGUAGE="${language}",DEFAULT=${at === 0 ? 'YES' : 'NO'},AUTOSELECT=YES,CHANNELS="2",URI="QualityLevels(${bitrate})/Manifest(audio_${language},format=m3u8-cmaf)"`,
        ),
      ),
    );
    expect(lines(master, '#EXT-X-STREAM-INF')).toHaveLength(2);
    const mpd = dashManifest(presentation, 'mpd-time-cmaf');
    expect(mpd.match(/<AdaptationSet [^>]*lang="(en|de)"/g)).toHaveLength(2);
    expect(smoothManifest(presentation)).toMatch(/Name="audio_de".*Language="de"/);
  });

  it('renditions that are not cut at the same times: DASH can say it, Smooth cannot', async () => {
    const longer = { ...syntheticVideo(2), segments: [...syntheticVideo(2).segments].reverse() };
    const presentation = await present(video, [{ bitrate: 9000 }, longer]);
    const mpd = dashManifest(presentation, 'mpd-time-cmaf');
    expect(mpd).toContain('segmentAlignment="false"');
    expect(mpd.match(/<SegmentTimeline>/g)).toHaveLength(2);
    expect(() => smoothManifest(presentation)).toThrow(MalformedMediaError);
  });

  it('a track much larger than its bitrate says does not make players wait for minutes', async () => {
    const heavy = {
      ...syntheticVideo(1),
      segments: Array.from({ length: 100 }, () => syntheticVideo(4).segments[0]!),
    };
    const mpd = dashManifest(await present([{ bitrate: 1000 }, heavy]), 'mpd-time-cmaf');
    expect(Number(/minBufferTime="PT([\d.]+)S"/.exec(mpd)?.[1])).toBeLessThanOrEqual(2);
  });

  it.each([
    ['23.976 of 90 kHz', 90_000, [3753, 3754, 3754, 3754], '24000/1001', '23.976'],
    ['59.94 of 90 kHz', 90_000, [1501, 1502, 1501, 1502], '60000/1001', '59.940'],
    ['30 of a millisecond', 1000, [33, 33, 34, 33, 33, 34], '30', '30.000'],
    ['exact', 24_000, [1001, 1001], '24000/1001', '23.976'],
    ['29.97', 90_000, [3003, 3003], '30000/1001', '29.970'],
    ['the greatest of a variable one', 90_000, [3000, 6000], '30', '30.000'],
  ])('tells the frame rate: %s', async (_, timescale, durations, ofDash, ofHls) => {
    const samples = durations.map((duration, at) => ({ duration, size: 9, sync: at === 0 }));
    const presentation = await present([{}, { kind: 'video', timescale, segments: [samples] }]);
    expect(dashManifest(presentation, 'mpd-time-cmaf')).toContain(` frameRate="${ofDash}"`);
    expect(hlsMasterPlaylist(presentation)).toContain(`FRAME-RATE=${ofHls}`);
  });

  it('one target duration for all playlists (RFC 8216, 6.2.4)', async () => {
    const short = { kind: 'video', timescale: 1000, segments: [[{ duration: 1320, size: 9 }]] } as const;
    const long = { kind: 'audio', timescale: 1000, segments: [[{ duration: 1720, size: 9 }]] } as const;
    const presentation = await present([{}, short], [{}, long]);
    for (const { name, renditions } of [...presentation.video, ...presentation.audio]) {
      const playlist = hlsMediaPlaylist(presentation, name, renditions[0]!.stored.index);
      expect(lines(playlist, '#EXT-X-TARGETDURATION')).toEqual(['#EXT-X-TARGETDURATION:2']);
    }
  });

  it.each([
    ['two tracks of one stream and bitrate', [video, video]],
    ['sound called video', [[{ kind: 'video' }, syntheticAudio]]],
    ['a name for both', [video, [{ stream: 'video' }, syntheticAudio]]],
  ] satisfies [string, Entry[]][])('refuses %s', async (_, entries) => {
    await expect(present(...entries)).rejects.toThrow(MalformedMediaError);
  });
});
