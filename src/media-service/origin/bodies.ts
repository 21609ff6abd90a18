import { smoothFragment, type TimedSegment } from '../packager/smooth-fragment.ts';
import type { BlobVersion } from './blob-reading.ts';
import type { Client } from './bounded-cache.ts';
import type { Library, SegmentPlace } from './library.ts';

/** The bytes of a representation, got when they are needed. */
export type Body =
  | {
      readonly kind: 'pieces';
      readonly length: number;
      pieces(client: Client): Promise<readonly Buffer[]>;
    }
  | { readonly kind: 'file'; readonly length: number; readonly version: BlobVersion };

/** Where a representation's bytes come from. It holds little: it may be remembered for longer than the bytes are kept. */
export interface BodySource {
  body(client: Client): Promise<Body>;
  /** All the bytes, when they are in memory. */
  atHand(): readonly Buffer[] | undefined;
}

/** Bytes of pieces together. */
export function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

function bodyOf(pieces: readonly Buffer[]): Body {
  return { kind: 'pieces', length: lengthOf(pieces), pieces: () => Promise.resolve(pieces) };
}

/** A few bytes, held. */
export function memorySource(bytes: Buffer): BodySource {
  return { body: () => Promise.resolve(bodyOf([bytes])), atHand: () => [bytes] };
}

/** A manifest, rendered when it is not kept. */
export function renderedSource(
  library: Library,
  etag: string,
  render: (client: Client) => Promise<string>,
): BodySource {
  return {
    body: async (client) => bodyOf([await library.rendered(etag, client, render)]),
    atHand: () => optional(library.renderedAtHand(etag)),
  };
}

/** A segment as stored: what DASH and HLS call a fragment. */
export function storedSource(library: Library, place: SegmentPlace): BodySource {
  const body: Body = {
    kind: 'pieces',
    length: place.size,
    pieces: async (client) => [await library.segment(place, client)],
  };
  return { body: () => Promise.resolve(body), atHand: () => optional(library.segmentAtHand(place)) };
}

/** A segment as a Smooth fragment: a new head before the stored media. */
export function smoothSource(
  library: Library,
  place: SegmentPlace,
  segment: TimedSegment,
  trackId: number,
): BodySource {
  const convert = (stored: Buffer): readonly Buffer[] => smoothFragment(stored, segment, trackId);
  return {
    body: async (client) => bodyOf(convert(await library.segment(place, client))),
    atHand() {
      const stored = library.segmentAtHand(place);
      return stored && convert(stored);
    },
  };
}

/** A file, streamed from the storage. */
export function fileSource(version: BlobVersion): BodySource {
  return {
    body: () => Promise.resolve({ kind: 'file', length: version.blob.size, version }),
    atHand: () => undefined,
  };
}

function optional(bytes: Buffer | undefined): readonly Buffer[] | undefined {
  return bytes && [bytes];
}
