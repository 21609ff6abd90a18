import { OriginProblem } from './problem.ts';
import type { DashFormat } from '../packager/dash-manifest.ts';

export type ManifestFormat = 'smooth' | DashFormat | 'm3u8-cmaf';

/** What a request asks for, below a locator's path. */
export type RequestedContent =
  | { readonly kind: 'manifest'; readonly serverManifest: string; readonly format: ManifestFormat }
  | {
      readonly kind: 'playlist';
      readonly serverManifest: string;
      readonly bitrate: number;
      readonly stream: string;
    }
  | {
      readonly kind: 'fragment';
      readonly serverManifest: string;
      readonly bitrate: number;
      readonly stream: string;
      /** Ticks of 100 ns; `initialization` for the initialization segment. */
      readonly time: number | 'initialization';
      readonly format: ManifestFormat;
    }
  | { readonly kind: 'file'; readonly name: string };

export interface RequestTarget {
  /** In lower case. */
  readonly locator: string;
  readonly content: RequestedContent;
  /** One spelling of the path for every way to write it: part of the ETag. */
  readonly canonical: string;
}

/** Longer paths are refused: a locator, an asset file's name (260) and the longest fragment fit many times over. */
const maximumPath = 2048;
const locatorPath = /^\/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\/|$)/i;
const manifestCall = /^manifest(?:\(([^()]*)\))?$/i;
const levelCall = /^qualitylevels\((\d{1,15})\)$/i;
const fragmentCall = /^fragments\(([a-z0-9_-]{1,64})=(\d{1,16}|i)((?:,[^(),]+)*)\)(\.m4s)?$/i;

/**
 * Reads a request's path; undefined when it does not start with a locator's guid, so is not the origin's.
 * @throws OriginProblem when it is the origin's but cannot be served
 */
export function readTarget(url: string): RequestTarget | undefined {
  const locator = locatorPath.exec(url)?.[1]?.toLowerCase();
  if (locator === undefined) return undefined;
  const query = url.indexOf('?');
  const path = query === -1 ? url : url.slice(0, query);
  if (path.length > maximumPath) throw new OriginProblem(414, 'path-too-long', 'The path is too long.');
  const segments = path.split('/').slice(2).map(decodeSegment);
  const content = readContent(segments);
  return { locator, content, canonical: `/${locator}/${canonicalOf(content)}` };
}

function decodeSegment(segment: string): string {
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch {
    throw new OriginProblem(400, 'malformed-path', 'The path has a broken percent-encoding.');
  }
  // No asset file's name has any of these: a decoded one is an attempt at another path.
  // eslint-disable-next-line no-control-regex
  if (/[/\\\u0000-\u001f\u007f]/.test(text) || text === '.' || text === '..') {
    throw new OriginProblem(400, 'malformed-path', 'The path has a segment that no file has.');
  }
  return text;
}

function readContent(segments: readonly string[]): RequestedContent {
  const [name = '', call, inner] = segments;
  if (name !== '' && call === undefined) return { kind: 'file', name };
  if (!/.\.ism$/i.test(name) || call === undefined || segments.length > 3) throw unknownPath();
  if (inner === undefined) {
    const manifest = manifestCall.exec(call);
    if (manifest === null) throw unknownPath();
    return { kind: 'manifest', serverManifest: name, format: readFormat(listOf(manifest[1])) };
  }
  const bitrate = Number(levelCall.exec(call)?.[1] ?? Number.NaN);
  if (Number.isNaN(bitrate)) throw unknownPath();
  return readInnerCall(name, bitrate, inner);
}

function readInnerCall(serverManifest: string, bitrate: number, call: string): RequestedContent {
  const fragment = fragmentCall.exec(call);
  if (fragment !== null) {
    const [, stream = '', time = '', more = '', extension] = fragment;
    const format = readFormat(listOf(more.slice(1)));
    if (extension !== undefined && format !== 'm3u8-cmaf') throw unknownPath();
    if (time.toLowerCase() !== 'i') {
      return { kind: 'fragment', serverManifest, bitrate, stream, time: Number(time), format };
    }
    if (format === 'smooth') throw unknownPath();
    return { kind: 'fragment', serverManifest, bitrate, stream, time: 'initialization', format };
  }
  const playlist = manifestCall.exec(call);
  if (playlist === null) throw unknownPath();
  const [stream = '', ...more] = listOf(playlist[1]);
  if (readFormat(more) !== 'm3u8-cmaf') throw unknownPath();
  return { kind: 'playlist', serverManifest, bitrate, stream };
}

function listOf(list: string | undefined): readonly string[] {
  return list === undefined || list === '' ? [] : list.split(',').map((item) => item.trim());
}

/** The format that the arguments of a call name; none is Smooth Streaming, as in the retired service. */
function readFormat(parameters: readonly string[]): ManifestFormat {
  const [parameter, ...more] = parameters;
  if (parameter === undefined) return 'smooth';
  const [key = '', value = ''] = parameter.toLowerCase().split('=');
  if (key !== 'format' || more.length > 0) {
    throw new OriginProblem(400, 'unknown-parameter', 'Of a manifest’s parameters only format is served.');
  }
  switch (value) {
    case 'mpd-time-csf':
    case 'mpd-time-cmaf':
    case 'm3u8-cmaf':
      return value;
    case 'm3u8-aapl':
    case 'm3u8-aapl-v3':
      throw new OriginProblem(
        400,
        'format-not-served',
        'HLS with MPEG-TS is not served: use format=m3u8-cmaf, which needs a player of HLS version 6.',
      );
    default:
      throw new OriginProblem(
        400,
        'unknown-format',
        'The formats are m3u8-cmaf (HLS), mpd-time-cmaf and mpd-time-csf (DASH), and none (Smooth Streaming).',
      );
  }
}

function unknownPath(): OriginProblem {
  return new OriginProblem(404, 'unknown-path', 'There is nothing at this path.');
}

function canonicalOf(content: RequestedContent): string {
  if (content.kind === 'file') return content.name;
  const name = content.serverManifest;
  if (content.kind === 'manifest') return `${name}/manifest(format=${content.format})`;
  const level = `${name}/QualityLevels(${content.bitrate})`;
  if (content.kind === 'playlist') return `${level}/Manifest(${content.stream},format=m3u8-cmaf)`;
  return `${level}/Fragments(${content.stream}=${content.time},format=${content.format})`;
}
