import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';

/** One rendition's fragments in the order of their times; URLs relative to the manifest. */
export interface RenditionFragments {
  readonly rendition: string;
  readonly fragments: readonly string[];
}

const listOf = <Item extends z.ZodType>(item: Item) =>
  z
    .union([z.array(item), item.transform((one) => [one])])
    .optional()
    .transform((items) => items ?? []);

const xml = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '', parseAttributeValue: false });

const timelineEntry = z.object({ t: z.string().optional(), d: z.string(), r: z.string().optional() });

/** The start of each fragment of a timeline; a repetition goes on where the last one ended. */
function starts(
  timeline: readonly z.infer<typeof timelineEntry>[],
  repeats: (r: number) => number,
): bigint[] {
  const times: bigint[] = [];
  let next = 0n;
  for (const { t, d, r } of timeline) {
    if (t !== undefined) next = BigInt(t);
    for (let count = repeats(Number(r ?? NaN)); count > 0; count -= 1) {
      times.push(next);
      next += BigInt(d);
    }
  }
  return times;
}

const smoothManifest = z.object({
  SmoothStreamingMedia: z.object({
    StreamIndex: listOf(
      z.object({
        Type: z.string(),
        Url: z.string(),
        QualityLevel: listOf(z.object({ Bitrate: z.string() })),
        c: listOf(timelineEntry),
      }),
    ),
  }),
});

/** Smooth Streaming manifest ([MS-SSTR] 2.2.2): `c` with `r` stands for r fragments. */
export function smoothFragments(text: string): readonly RenditionFragments[] {
  const { SmoothStreamingMedia: media } = smoothManifest.parse(xml.parse(text));
  return media.StreamIndex.flatMap((stream) => {
    const times = starts(stream.c, (r) => (Number.isNaN(r) ? 1 : r));
    return stream.QualityLevel.map(({ Bitrate }) => ({
      rendition: `${stream.Type} ${Bitrate}`,
      fragments: times.map((time) =>
        stream.Url.replace(/\{bitrate\}/i, Bitrate).replace(/\{start[ _]time\}/i, String(time)),
      ),
    }));
  });
}

const segmentTemplate = z.object({
  media: z.string(),
  initialization: z.string(),
  SegmentTimeline: z.object({ S: listOf(timelineEntry) }),
});

const dashManifest = z.object({
  MPD: z.object({
    Period: listOf(
      z.object({
        AdaptationSet: listOf(
          z.object({
            SegmentTemplate: segmentTemplate.optional(),
            Representation: listOf(
              z.object({
                id: z.string(),
                bandwidth: z.string(),
                SegmentTemplate: segmentTemplate.optional(),
              }),
            ),
          }),
        ),
      }),
    ),
  }),
});

/** DASH manifest (ISO/IEC 23009-1, 5.3.9): `S` with `r` stands for r + 1 segments; the initialization comes first. */
export function dashFragments(text: string): readonly RenditionFragments[] {
  const { MPD } = dashManifest.parse(xml.parse(text));
  const sets = MPD.Period.flatMap(({ AdaptationSet }) => AdaptationSet);
  return sets.flatMap((set) =>
    set.Representation.flatMap((representation) => {
      const template = representation.SegmentTemplate ?? set.SegmentTemplate;
      if (template === undefined) return [];
      const filled = (url: string, time: bigint | undefined): string =>
        url
          .replaceAll('$RepresentationID$', representation.id)
          .replaceAll('$Bandwidth$', representation.bandwidth)
          .replaceAll('$Time$', String(time));
      const times = starts(template.SegmentTimeline.S, (r) => (Number.isNaN(r) ? 1 : r + 1));
      return [
        {
          rendition: representation.id,
          fragments: [
            filled(template.initialization, undefined),
            ...times.map((time) => filled(template.media, time)),
          ],
        },
      ];
    }),
  );
}

/** The media playlists that a multivariant playlist names (RFC 8216, 4.3.4), each once. */
export function hlsPlaylists(text: string): readonly string[] {
  const named = [...text.matchAll(/^#EXT-X-MEDIA:.*\bURI="([^"]+)"/gm)].map(([, uri]) => uri);
  return [...new Set([...named, ...uriLines(text)])].filter((uri) => uri !== undefined);
}

/** The segments of a media playlist, its initialization first (RFC 8216, 4.3.2.5). */
export function hlsFragments(text: string): readonly string[] {
  const map = /^#EXT-X-MAP:.*\bURI="([^"]+)"/m.exec(text)?.[1];
  return [...(map === undefined ? [] : [map]), ...uriLines(text)];
}

function uriLines(text: string): readonly string[] {
  return text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
}

/** First, second (behind an initialization the first media fragment), last, and some in between that the seed chooses. */
export function sampleFragments(fragments: readonly string[], seed: number, some = 2): readonly string[] {
  const { length } = fragments;
  const indexes = new Set([0, 1, length - 1].filter((index) => index >= 0 && index < length));
  let state = seed >>> 0;
  for (let count = 0; count < some && length > indexes.size; count += 1) {
    // Numerical Recipes' linear congruential generator: spread is all that is asked of it.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    indexes.add(state % length);
  }
  return [...indexes].sort((one, other) => one - other).map((index) => fragments[index] ?? '');
}
