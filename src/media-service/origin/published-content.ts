import type { AssetId, StreamingEndpointState } from '../model.ts';

/** A blob of a published asset as the origin needs it. */
export interface PublishedBlob {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Hex, from the blob's Content-MD5 property; undefined when the blob has none. */
  readonly md5: string | undefined;
  /** The storage's validator: a cached index of a blob is good while this is the same. */
  readonly etag: string;
}

/** An origin locator that may be served now. */
export interface PublishedAsset {
  readonly assetId: AssetId;
  /** The name of the asset's primary file when it has one. */
  readonly primaryFile: string | undefined;
  readonly expires: Date;
}

/** The blob has another ETag than the read asked for, or is gone: the origin looks at the asset again. */
export class BlobChangedError extends Error {
  override readonly name = 'BlobChangedError';
  readonly code = 'blob-changed';
}

/**
 * What the origin asks of the store. Storage trouble throws `StorageUnavailableError`. The origin keeps what `find` and
 * `list` answer for a few seconds, so an implementation need not cache them.
 */
export interface PublishedContent {
  /** The state of the default streaming endpoint; nothing is served unless it is Running. Cached for a few seconds. */
  endpointState(): Promise<StreamingEndpointState>;
  /** The asset behind an origin locator that exists, has started and has not expired; undefined otherwise. */
  find(locatorGuid: string): Promise<PublishedAsset | undefined>;
  /** All the blobs of the asset's container. */
  list(assetId: AssetId): Promise<readonly PublishedBlob[]>;
  /**
   * A range of a blob as a stream; `etag` makes the read conditional (a changed or missing blob throws
   * `BlobChangedError`). A stream that breaks ends in an error, never short.
   */
  read(
    assetId: AssetId,
    name: string,
    range: { readonly offset: number; readonly count: number; readonly etag: string },
    signal: AbortSignal,
  ): Promise<NodeJS.ReadableStream>;
  /** Up to `count` origin locators that may be served now, for the content health check. */
  sample(count: number): Promise<readonly string[]>;
}
