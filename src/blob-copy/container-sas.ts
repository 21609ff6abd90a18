/**
 * A container's URL with its SAS (`https://…/asset-{guid}?sv=…&sig=…`): a secret. Never logged, returned, thrown or
 * put into durable history.
 */
export type ContainerSasUrl = string & { readonly containerSasUrl: unique symbol };

export interface BlobSummary {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly etag: string;
  /** Hex, of the Content-MD5 property; undefined when the blob has none. */
  readonly md5: string | undefined;
  /** Hex; the MD5 the blob had at its source when it was copied here (metadata); undefined when it was not copied. */
  readonly sourceMd5: string | undefined;
  /** The ETag the blob had at its source when it was copied here (metadata): tells whether a source without an MD5 is still the same. */
  readonly sourceEtag?: string | undefined;
}
