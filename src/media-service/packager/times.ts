/** Ticks a second of the times in every manifest and fragment URL: 100 ns, as Smooth Streaming has them. */
export const manifestTimescale = 10_000_000;

/** A track's time in ticks of 100 ns; exact for any length of video, where `time * 10_000_000` is not. */
export function toManifestTime(time: number, timescale: number): number {
  const seconds = Math.floor(time / timescale);
  return (
    seconds * manifestTimescale + Math.round(((time - seconds * timescale) * manifestTimescale) / timescale)
  );
}
