import type { IndexedFragment } from './segment-index.ts';

/** A player waits for this many fragments of the target duration before it starts: manifests say no more. */
const fragmentsAhead = 2;

/**
 * What a track is said to take, bits a second in whole thousands: its planned bitrate, or what it really takes when
 * that is more, on average and so that a player that receives no more never runs dry (ISO/IEC 23009-1, 5.3.5.4).
 * @param planned bits a second
 */
export function announcedBitrate(
  planned: number,
  fragments: readonly IndexedFragment[],
  timescale: number,
): number {
  const bits = fragments.reduce((sum, { size }) => sum + size * 8, 0);
  const seconds = fragments.reduce((sum, { duration }) => sum + duration, 0) / timescale;
  let enough = Math.max(planned, bits / seconds);
  if (!neverRunsDry(enough, fragments, timescale)) {
    let tooLittle = enough;
    enough = Math.max(...fragments.map(({ size, duration }) => (size * 8 * timescale) / duration));
    while (enough - tooLittle > 100) {
      const middle = (enough + tooLittle) / 2;
      if (neverRunsDry(middle, fragments, timescale)) enough = middle;
      else tooLittle = middle;
    }
  }
  return Math.ceil(enough / 1000) * 1000;
}

function neverRunsDry(bitrate: number, fragments: readonly IndexedFragment[], timescale: number): boolean {
  const longest = Math.max(...fragments.map(({ duration }) => duration)) / timescale;
  const ahead = fragmentsAhead * Math.max(1, Math.round(longest));
  let behind = 0;
  return fragments.every(({ size, duration }) => {
    behind = Math.max(0, behind) + (size * 8) / bitrate;
    const inTime = behind <= ahead;
    behind -= duration / timescale;
    return inTime;
  });
}

/** Bitrates, highest first, that all differ, as they name the tracks in URLs: the better one of two gets more. */
export function apart(bitrates: readonly number[]): readonly number[] {
  const apartSoFar: number[] = [];
  for (const bitrate of bitrates.toReversed()) {
    apartSoFar.unshift(Math.max(bitrate, (apartSoFar[0] ?? 0) + 1000));
  }
  return apartSoFar;
}
