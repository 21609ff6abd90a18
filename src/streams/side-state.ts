import type { AssetId, LocatorId } from '../media-service/model.ts';
import type { DataCenterKey } from './data-center.ts';
import type { PublishedName } from './published-name.ts';

/** How a side is read: what the media service says of it, or also every byte that its storage holds. */
export const readLevels = ['properties', 'bytes'] as const;
export type ReadLevel = (typeof readLevels)[number];

export interface FileState {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Hex; undefined when the side does not know it. */
  readonly md5: string | undefined;
}

export interface OriginLocatorState {
  readonly id: LocatorId;
  /** ISO 8601; null when the locator has none. */
  readonly start: string | null;
  /** ISO 8601. */
  readonly expires: string;
  /** The streaming endpoint's URL with the locator's guid and a slash; no secret. */
  readonly path: string;
}

/** A stream as one data center has it. */
export interface SideState {
  readonly side: DataCenterKey;
  readonly assetId: AssetId;
  readonly name: PublishedName;
  /** By name. */
  readonly files: readonly FileState[];
  readonly primaryFile: string | undefined;
  readonly locator: OriginLocatorState | undefined;
}
