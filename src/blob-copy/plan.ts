import type { BlobSummary } from './container-sas.ts';

/** A blob of the source. */
export interface PlannedCopy extends BlobSummary {
  /** Absent at the target, and not only different there. */
  readonly isNew: boolean;
}

export interface CopyPlan {
  /** At the source, and absent or different at the target; in the order of their names. */
  readonly copy: readonly PlannedCopy[];
  /** Bytes of `copy`. */
  readonly bytes: number;
}

/** What has to be done so that the target holds what the source holds. */
export function planCopy(source: readonly BlobSummary[], target: readonly BlobSummary[]): CopyPlan {
  const byName = (one: BlobSummary, other: BlobSummary): number => (one.name < other.name ? -1 : 1);
  const atTarget = new Map(target.map((blob) => [blob.name, blob]));
  const isThere = (blob: BlobSummary): boolean => {
    const there = atTarget.get(blob.name);
    return there !== undefined && hasSameContent(blob, there);
  };
  const sorted = [...source].sort(byName);
  const copy = sorted
    .filter((blob) => !isThere(blob))
    .map((blob) => ({ ...blob, isNew: !atTarget.has(blob.name) }));
  return { copy, bytes: copy.reduce((sum, { size }) => sum + size, 0) };
}

/**
 * Whether the target's blob is the source's, as far as properties tell: the same size, and the same MD5. A target
 * without a Content-MD5 is known by the MD5 it was copied with; a source without any MD5 by the ETag it had then.
 */
export function hasSameContent(source: BlobSummary, target: BlobSummary): boolean {
  if (source.size !== target.size) return false;
  const sourceMd5 = source.md5 ?? source.sourceMd5;
  if (sourceMd5 !== undefined) return sourceMd5 === (target.md5 ?? target.sourceMd5);
  return target.sourceEtag !== undefined && target.sourceEtag === source.etag;
}
