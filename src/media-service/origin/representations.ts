import { createHash } from 'node:crypto';
import { dashManifest } from '../packager/dash-manifest.ts';
import { hlsMasterPlaylist, hlsMediaPlaylist } from '../packager/hls-playlists.ts';
import { packagerOutputVersion } from '../packager/output-version.ts';
import { findSegment } from '../packager/segment-index.ts';
import { timedSegment } from '../packager/smooth-fragment.ts';
import { smoothManifest } from '../packager/smooth-manifest.ts';
import {
  fileSource,
  memorySource,
  renderedSource,
  smoothSource,
  storedSource,
  type BodySource,
} from './bodies.ts';
import type { Client } from './bounded-cache.ts';
import { segmentPlace, type Library, type Publication, type PublishedTrack } from './library.ts';
import { OriginProblem } from './problem.ts';
import type { ManifestFormat, RequestedContent, RequestTarget } from './request-target.ts';

/** What a URL stands for (RFC 9110, 3.2), before conditions and ranges. */
export interface Representation extends BodySource {
  readonly etag: string;
  readonly contentType: string;
  readonly cacheControl: string;
}

/** Manifests are looked at again soon, so that a re-encoded or deleted stream shows. */
const manifestCaching = 'public, max-age=60';
/** A fragment's bytes do not change under a manifest in use; not `immutable`, as a stream can be deleted. */
const fragmentCaching = 'public, max-age=86400';

const manifestTypes: Readonly<Record<ManifestFormat, string>> = {
  smooth: 'application/vnd.ms-sstr+xml',
  'mpd-time-csf': 'application/dash+xml',
  'mpd-time-cmaf': 'application/dash+xml',
  'm3u8-cmaf': 'application/vnd.apple.mpegurl',
};

/** Only media types: whatever else an asset holds must not run as a page of this host. */
const fileTypes: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  m4v: 'video/mp4',
  cmfv: 'video/mp4',
  m4a: 'audio/mp4',
  cmfa: 'audio/mp4',
  mov: 'video/quicktime',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  jpg: 'image/jpeg',
  png: 'image/png',
  vtt: 'text/vtt',
};

/**
 * Finds what a target stands for.
 * @throws OriginProblem
 * @throws MalformedMediaError
 * @throws UnsupportedMediaError
 * @throws StorageUnavailableError
 * @throws BlobChangedError
 */
export async function represent(
  library: Library,
  publication: Publication,
  target: RequestTarget,
  client: Client,
): Promise<Representation> {
  const { content } = target;
  if (content.kind === 'file') return representFile(library, publication, target, content.name, client);
  const tracks = await library.tracks(publication, content.serverManifest, client);
  if (content.kind === 'manifest') {
    return representManifest(library, publication, target, content, tracks, client);
  }
  const track = tracks.find(
    ({ listed }) => listed.stream === content.stream && listed.bitrate === content.bitrate,
  );
  if (track === undefined) {
    throw new OriginProblem(404, 'unknown-track', 'There is no such stream at this bitrate.');
  }
  if (content.kind === 'fragment') return representFragment(library, target, content, track, client);
  // Of all tracks: the target duration is common to them.
  const etag = etagOf(
    target,
    await Promise.all([track, ...tracks].map(({ version }) => library.md5(version, client))),
  );
  return {
    etag,
    contentType: manifestTypes['m3u8-cmaf'],
    cacheControl: manifestCaching,
    ...renderedSource(library, etag, async (waiting) => {
      const presentation = await library.presentation(tracks, waiting);
      const { index } = await library.storedTrack(track.version, waiting);
      return hlsMediaPlaylist(presentation, track.listed.stream, index);
    }),
  };
}

/** A strong validator that is the same wherever the same bytes are stored: of content, URL and packager. */
function etagOf(target: RequestTarget, contents: readonly string[]): string {
  const hash = createHash('sha256');
  hash.update(`${packagerOutputVersion}\n${target.canonical}\n${contents.join('\n')}`);
  return `"${hash.digest('hex').slice(0, 32)}"`;
}

async function representManifest(
  library: Library,
  publication: Publication,
  target: RequestTarget,
  content: RequestedContent & { readonly kind: 'manifest' },
  tracks: readonly PublishedTrack[],
  client: Client,
): Promise<Representation> {
  const versions = [
    library.file(publication, content.serverManifest),
    ...tracks.map(({ version }) => version),
  ];
  const etag = etagOf(target, await Promise.all(versions.map((version) => library.md5(version, client))));
  return {
    etag,
    contentType: manifestTypes[content.format],
    cacheControl: manifestCaching,
    ...renderedSource(library, etag, async (waiting) => {
      const presentation = await library.presentation(tracks, waiting);
      switch (content.format) {
        case 'smooth':
          return smoothManifest(presentation);
        case 'm3u8-cmaf':
          return hlsMasterPlaylist(presentation);
        case 'mpd-time-csf':
        case 'mpd-time-cmaf':
          return dashManifest(presentation, content.format);
      }
    }),
  };
}

async function representFragment(
  library: Library,
  target: RequestTarget,
  content: RequestedContent & { readonly kind: 'fragment' },
  { listed, version }: PublishedTrack,
  client: Client,
): Promise<Representation> {
  const stored = await library.storedTrack(version, client);
  const head = {
    etag: etagOf(target, [await library.md5(version, client)]),
    contentType: listed.kind === 'video' ? 'video/mp4' : 'audio/mp4',
    cacheControl: fragmentCaching,
  };
  if (content.time === 'initialization') return { ...head, ...memorySource(stored.initialization) };
  const segment = findSegment(stored.index, content.time);
  if (segment === undefined) {
    throw new OriginProblem(404, 'unknown-fragment', 'No fragment starts at this time.');
  }
  const place = segmentPlace(version, stored.index, segment);
  return {
    ...head,
    ...(content.format === 'smooth'
      ? smoothSource(library, place, timedSegment(stored, segment), listed.kind === 'video' ? 1 : 2)
      : storedSource(library, place)),
  };
}

async function representFile(
  library: Library,
  publication: Publication,
  target: RequestTarget,
  name: string,
  client: Client,
): Promise<Representation> {
  const version = library.file(publication, name);
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  return {
    etag: etagOf(target, [await library.md5(version, client)]),
    contentType: fileTypes[extension] ?? 'application/octet-stream',
    cacheControl: fragmentCaching,
    ...fileSource(version),
  };
}
