import type { StreamingUrls } from './streaming-urls.ts';

/** What one streaming endpoint served: each part with the hash of its bytes. */
export interface ProbeReport {
  readonly parts: readonly { readonly part: string; readonly sha256: string }[];
  /** Requests made. */
  readonly requests: number;
  readonly bytes: number;
}

/** The parts that two streaming endpoints served differently. */
export function probeDifferences(one: ProbeReport, other: ProbeReport): readonly string[] {
  const hashes = new Map(other.parts.map(({ part, sha256 }) => [part, sha256]));
  const differing = one.parts.filter(({ part, sha256 }) => hashes.get(part) !== sha256);
  const known = new Set(one.parts.map(({ part }) => part));
  const extra = other.parts.filter(({ part }) => !known.has(part));
  return [...differing, ...extra].map(({ part }) => part);
}

/** The manifests that a probe reads, each whole. */
export function manifestUrls({ smooth }: StreamingUrls): Readonly<Record<ManifestFormat, string>> {
  return {
    smooth,
    'dash-csf': `${smooth}(format=mpd-time-csf)`,
    'dash-cmaf': `${smooth}(format=mpd-time-cmaf)`,
    'hls-cmaf': `${smooth}(format=m3u8-cmaf)`,
  };
}

export type ManifestFormat = 'smooth' | 'dash-csf' | 'dash-cmaf' | 'hls-cmaf';
