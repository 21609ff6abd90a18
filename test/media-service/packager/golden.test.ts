import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { dashManifest } from '../../../src/media-service/packager/dash-manifest.ts';
import { hlsMasterPlaylist, hlsMediaPlaylist } from '../../../src/media-service/packager/hls-playlists.ts';
import { packagerOutputVersion } from '../../../src/media-service/packager/output-version.ts';
import { makePresentation, type StoredTrack } from '../../../src/media-service/packager/presentation.ts';
import { smoothFragment, timedSegment } from '../../../src/media-service/packager/smooth-fragment.ts';
import { smoothManifest } from '../../../src/media-service/packager/smooth-manifest.ts';
import { readStoredTrack } from '../../../src/media-service/packager/stored-track.ts';
import { makeStored, reader, syntheticAudio, syntheticVideo } from './synthetic.ts';

/**
 * Caches and the other data center hold what an ETag named before. When this digest changes, raise
 * `packagerOutputVersion` and pin the new pair here.
 */
const pinned = { version: 3, digest: '495314c9db06f1136cf262930d6939f805f010b9f8994c74469613ef07f9a181' };

const outputs = new Map<string, string>();

beforeAll(async () => {
  const stored: [Buffer, StoredTrack][] = [];
  for (const options of [syntheticVideo(2), syntheticVideo(1), syntheticAudio]) {
    const bytes = makeStored(options);
    stored.push([bytes, await readStoredTrack(reader(bytes), bytes.length)]);
  }
  const listed = [
    { kind: 'video', source: 'large', bitrate: 6000, stream: 'video', language: 'und' },
    { kind: 'video', source: 'small', bitrate: 4000, stream: 'video', language: 'und' },
    { kind: 'audio', source: 'sound', bitrate: 2000, stream: 'audio', language: 'und' },
  ] as const;
  const presentation = makePresentation(
    listed.map((track, at) => ({ listed: track, stored: stored[at]![1] })),
  );
  const [, video] = stored[0]!;
  const [, audio] = stored[2]!;
  outputs.set('manifest.ismc', smoothManifest(presentation));
  outputs.set('csf.mpd', dashManifest(presentation, 'mpd-time-csf'));
  outputs.set('cmaf.mpd', dashManifest(presentation, 'mpd-time-cmaf'));
  outputs.set('master.m3u8', hlsMasterPlaylist(presentation));
  outputs.set('video.m3u8', hlsMediaPlaylist(presentation, 'video', video.index));
  outputs.set('audio.m3u8', hlsMediaPlaylist(presentation, 'audio', audio.index));
  outputs.set('initialization.hex', lines(video.initialization));
  stored.forEach(([bytes, track], which) => {
    for (let segment = 0; segment < 3; segment += 1) {
      const { offsets } = track.index;
      const fragment = smoothFragment(
        bytes.subarray(offsets[segment], offsets[segment + 1]),
        timedSegment(track, segment),
        which === 2 ? 2 : 1,
      );
      outputs.set(`smooth-${which}-${segment}.hex`, lines(Buffer.concat(fragment)));
    }
  });
});

const lines = (bytes: Buffer): string => `${bytes.toString('hex').replace(/.{64}/g, '$&\n')}\n`;

describe('what the packager makes of the same media', () => {
  it.each(['manifest.ismc', 'csf.mpd', 'cmaf.mpd', 'master.m3u8', 'video.m3u8', 'audio.m3u8'])(
    '%s is what it was',
    async (name) => {
      await expect(outputs.get(name)).toMatchFileSnapshot(`golden/${name}`);
    },
  );

  it('the fragments are what they were', async () => {
    const fragments = [...outputs].filter(([name]) => name.endsWith('.hex'));
    await expect(fragments.map(([name, text]) => `${name}\n${text}`).join('\n')).toMatchFileSnapshot(
      'golden/fragments.hex',
    );
  });

  it('has another output version when a byte has changed', () => {
    const hash = createHash('sha256');
    for (const [name, text] of outputs) hash.update(`${name}\n${text}`);
    expect({ version: packagerOutputVersion, digest: hash.digest('hex') }).toEqual(pinned);
  });
});
