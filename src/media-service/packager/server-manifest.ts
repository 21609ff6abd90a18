import { XMLParser } from 'fast-xml-parser';
import { MalformedMediaError } from '../boxes/malformed-media.ts';

/** A track that a server manifest lists. */
export interface ListedTrack {
  readonly kind: 'video' | 'audio';
  /** The file that holds it, as written. */
  readonly source: string;
  /** Bits a second: names the track in `QualityLevels(…)`. */
  readonly bitrate: number;
  /** Names its stream in `Fragments(…)`; `video` or `audio` when the manifest does not say. */
  readonly stream: string;
  /** RFC 5646; `und` when not said. */
  readonly language: string;
}

type XmlNode = Readonly<Record<string, unknown>>;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  removeNSPrefix: true,
  isArray: (name) => ['video', 'audio', 'param'].includes(name),
});

const isNode = (value: unknown): value is XmlNode => typeof value === 'object' && value !== null;

/** A child element; an empty one reads as text, so it counts as absent. */
function child(node: XmlNode | undefined, name: string): XmlNode | undefined {
  const value = node?.[name];
  return isNode(value) ? value : undefined;
}

function children(node: XmlNode, name: string): readonly XmlNode[] {
  const value = node[name];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

function attribute(node: XmlNode, name: string): string | undefined {
  const value = node[name];
  return typeof value === 'string' ? value : undefined;
}

/** Names a stream in a URL, so only what needs no escape there. */
const streamName = /^[A-Za-z0-9_-]{1,64}$/;
const languageTag = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/;

/**
 * Reads a server manifest (`.ism`, SMIL 2.0), which lists an asset's tracks.
 * @throws MalformedMediaError
 */
export function readServerManifest(text: string): readonly ListedTrack[] {
  if (text.includes('<!DOCTYPE')) {
    throw new MalformedMediaError('The server manifest has a document type, which is not read.');
  }
  // The parser forgives a missing end, and then a part of the tracks would pass for all of them.
  if (!/<\/(\w+:)?smil\s*>\s*$/.test(text)) {
    throw new MalformedMediaError('The server manifest does not end with its root element.');
  }
  const document = parse(text);
  const body = child(child(isNode(document) ? document : undefined, 'smil'), 'body');
  const list = child(body, 'switch') ?? body;
  if (list === undefined) throw new MalformedMediaError('The server manifest lists no tracks.');
  const tracks = (['video', 'audio'] as const).flatMap((kind) =>
    children(list, kind).map((node) => readTrackEntry(kind, node)),
  );
  if (tracks.length === 0) throw new MalformedMediaError('The server manifest lists no tracks.');
  return tracks;
}

function parse(text: string): unknown {
  try {
    return parser.parse(text);
  } catch {
    throw new MalformedMediaError('The server manifest is not well-formed XML.');
  }
}

function readTrackEntry(kind: ListedTrack['kind'], node: XmlNode): ListedTrack {
  const source = attribute(node, 'src');
  const bitrate = Number(attribute(node, 'systemBitrate'));
  if (source === undefined || source === '') {
    throw new MalformedMediaError(`The server manifest lists ${kind} without a src.`);
  }
  if (!Number.isSafeInteger(bitrate) || bitrate <= 0) {
    throw new MalformedMediaError(`The server manifest gives ${kind} no whole, positive systemBitrate.`);
  }
  const parameters = children(node, 'param');
  const named = parameters.find((parameter) => attribute(parameter, 'name') === 'trackName');
  const stream = (named && attribute(named, 'value')) ?? kind;
  if (!streamName.test(stream)) {
    throw new MalformedMediaError('A trackName of the server manifest cannot stand in a URL.');
  }
  const language = attribute(node, 'systemLanguage') ?? '';
  return {
    kind,
    source,
    bitrate,
    stream,
    language: languageTag.test(language) ? language : 'und',
  };
}
