/** A fragment the player asked for, and how it came. Times are in milliseconds. */
export interface Fragment {
  readonly track: 'video' | 'audio';
  readonly sequence: number;
  /** `a` or `b` behind an edge, a host name otherwise. */
  readonly dataCenter: string;
  /** The edge's name for the request; finds a failover in the midst of the fragment. */
  readonly requestId: string | undefined;
  readonly firstByte: number;
  readonly whole: number;
  readonly bytes: number;
}

/** Where a fragment began and, when another data center went on with it, who ended it and from which byte. */
export interface ServedFragment extends Fragment {
  readonly wentOn: { readonly from: string; readonly atByte: number } | undefined;
}

/** The class of a data center's colour. */
export function colour(dataCenter: string): 'a' | 'b' | 'other' {
  return dataCenter === 'a' || dataCenter === 'b' ? dataCenter : 'other';
}

/** Upper case for a data center's key, as it is for a host name. */
export function displayName(dataCenter: string): string {
  return colour(dataCenter) === 'other' ? dataCenter : dataCenter.toUpperCase();
}

export function milliseconds(value: number): string {
  return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(0)} kB`;
}
