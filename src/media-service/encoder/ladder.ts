import type { Preset, Rung } from './presets.ts';
import type { SourceVideo } from './source-media.ts';

/** A rendition to be made: even width and height in pixels. */
export interface Rendition {
  readonly width: number;
  readonly height: number;
  /** The average. */
  readonly kbps: number;
  /** What the picture may take for seconds: an average says nothing of how much its hardest parts need. */
  readonly peakKbps: number;
}

/** Below this nothing worth watching is left. */
const leastKbps = 50;
/** Two renditions of nearly one bitrate give a player no choice. */
const leastStep = 0.8;

/**
 * The renditions for a source, best first: the ladder whose largest picture is the first not smaller than the source,
 * its boxes turned for portrait pictures, each picture fitted into its box, none larger and none of a higher bitrate
 * than the source: where the best would be, all bitrates are lowered in proportion. Rungs that are alike are left out.
 */
export function planRenditions(
  { ladders }: Preset,
  source: Pick<SourceVideo, 'width' | 'height' | 'bitrate'>,
): readonly Rendition[] {
  const landscape = {
    width: Math.max(source.width, source.height),
    height: Math.min(source.width, source.height),
  };
  const fits = ([top]: readonly Rung[]): boolean =>
    top !== undefined && (landscape.width > top.width || landscape.height > top.height);
  // From the smallest ladder up: the first whose top box holds the source; the largest when none does.
  const rungs = [...ladders].reverse().find((ladder) => !fits(ladder)) ?? ladders[0] ?? [];

  const fitted = rungs.map((rung) => fit(rung, source));
  // Of several boxes that hold the whole source the smallest gives its bitrate, unless they differ in bitrate alone.
  const planned = fitted.filter((rendition, index) => {
    const next = fitted[index + 1];
    return next === undefined || !sameSize(rendition, next) || sameSize(rungs[index], rungs[index + 1]);
  });
  const best = planned[0]?.kbps ?? 0;
  const limit = Math.min(best, (source.bitrate ?? Infinity) / 1000);
  const renditions: Rendition[] = [];
  for (const { width, height, kbps } of planned) {
    const lowered = atLeast((kbps * limit) / best);
    const better = renditions.at(-1);
    if (better !== undefined && lowered > better.kbps * leastStep) continue;
    renditions.push({ width, height, kbps: lowered, peakKbps: atLeast(kbps) });
  }
  return renditions;
}

function atLeast(kbps: number): number {
  return Math.max(leastKbps, Math.floor(kbps));
}

function sameSize(a: Rung | undefined, b: Rung | undefined): boolean {
  return a?.width === b?.width && a?.height === b?.height;
}

/** The rung's picture and what it takes. */
function fit(rung: Rung, source: Pick<SourceVideo, 'width' | 'height'>): Rung {
  const portrait = source.height > source.width;
  const box = portrait ? { width: rung.height, height: rung.width } : rung;
  const scale = Math.min(1, box.width / source.width, box.height / source.height);
  const [width, height] = [
    even(source.width * scale, Math.min(box.width, source.width)),
    even(source.height * scale, Math.min(box.height, source.height)),
  ];
  // A picture smaller than its box needs less; not in proportion, as small pictures have more detail a pixel.
  const share = Math.max(width / box.width, height / box.height);
  return { width, height, kbps: share < 1 ? rung.kbps * share ** 1.5 : rung.kbps };
}

/** H.264 with 4:2:0 takes even sizes only: the nearest, so that the picture keeps its shape, but none above `most`. */
function even(pixels: number, most: number): number {
  return Math.max(2, 2 * Math.min(Math.round(pixels / 2), Math.floor(most / 2)));
}
