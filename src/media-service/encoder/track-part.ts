/** The start of a track's file: `ftyp` and `moov`. */
export interface TrackHeader {
  readonly kind: 'header';
  /** Units a second. */
  readonly timescale: number;
  readonly bytes: Buffer;
}

/** One CMAF chunk that starts with a sync sample: `moof` and `mdat`. Times in the track's timescale. */
export interface TrackFragment {
  readonly kind: 'fragment';
  readonly start: number;
  readonly duration: number;
  readonly bytes: readonly Buffer[];
}
