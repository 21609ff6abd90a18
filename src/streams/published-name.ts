import { dataCenterKeys, type DataCenterKey } from './data-center.ts';
import { isStreamId, type StreamId } from './stream-id.ts';

/**
 * What a published asset's Name says, so that either side alone tells who encodes the stream and which state is
 * newer: `{streamId} source=a revision=3`, with `ignored` or `deleted` behind it.
 */
export interface PublishedName {
  readonly streamId: StreamId;
  readonly source: DataCenterKey;
  /** From 1; the higher one is the newer state. */
  readonly revision: number;
  readonly mark: 'ignored' | 'deleted' | undefined;
}

const pattern = /^(\S+) source=([ab]) revision=([1-9]\d{0,8})(?: (ignored|deleted))?$/;

export function formatPublishedName({ streamId, source, revision, mark }: PublishedName): string {
  return `${streamId} source=${source} revision=${revision}${mark === undefined ? '' : ` ${mark}`}`;
}

/** Reads a published asset's Name; undefined when it is another asset's. */
export function parsePublishedName(name: string | null): PublishedName | undefined {
  const [, streamId, source, revision, mark] = pattern.exec(name ?? '') ?? [];
  const side = dataCenterKeys.find((one) => one === source);
  if (streamId === undefined || side === undefined || !isStreamId(streamId)) return undefined;
  return {
    streamId,
    source: side,
    revision: Number(revision),
    mark: mark === 'ignored' || mark === 'deleted' ? mark : undefined,
  };
}

/** The AlternateId of a stream's input asset (a published asset's is the stream's id itself). */
export function inputAlternateId(streamId: StreamId): string {
  return `input:${streamId}`;
}
