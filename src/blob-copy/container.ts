import {
  AnonymousCredential,
  ContainerClient,
  newPipeline,
  type BlobGetPropertiesResponse,
  type RequestPolicyFactory,
} from '@azure/storage-blob';
import type { BlobSummary, ContainerSasUrl } from './container-sas.ts';

/** Metadata of a copied blob: the MD5 (hex) and the ETag it had at its source. */
export const sourceMd5Metadata = 'sourcemd5';
export const sourceEtagMetadata = 'sourceetag';

/** A client without retries of its own: when and how often to repeat is decided in `requests.ts`. */
export function openContainer(url: ContainerSasUrl, sourceEtag?: string): ContainerClient {
  const pipeline = newPipeline(new AnonymousCredential(), { retryOptions: { maxTries: 1 } });
  if (sourceEtag !== undefined) pipeline.factories.unshift(onlyWhileSourceIs(sourceEtag));
  return new ContainerClient(url, pipeline);
}

/**
 * Adds the source condition to Put Block From URL: the SDK's method for it has none, and without it a source that
 * changes between two blocks would give a blob mixed of both.
 */
function onlyWhileSourceIs(etag: string): RequestPolicyFactory {
  return {
    create: (next) => ({
      sendRequest(request) {
        if (request.headers.get('x-ms-copy-source') !== undefined) {
          request.headers.set('x-ms-source-if-match', etag);
        }
        return next.sendRequest(request);
      },
    }),
  };
}

/** A service without ETags cannot be copied from safely: nothing would tell one version from another. */
export function summaryOf(name: string, properties: BlobGetPropertiesResponse): BlobSummary {
  return summary(name, properties, properties.metadata);
}

export function summary(
  name: string,
  properties: {
    readonly contentLength?: number | undefined;
    readonly etag?: string | undefined;
    readonly contentMD5?: Uint8Array | undefined;
  },
  metadata: Readonly<Record<string, string>> | undefined,
): BlobSummary {
  return {
    name,
    size: properties.contentLength ?? 0,
    etag: quoted(properties.etag ?? ''),
    md5: hex(properties.contentMD5),
    sourceMd5: metadata?.[sourceMd5Metadata],
    sourceEtag: metadata?.[sourceEtagMetadata],
  };
}

/** Listings give ETags without the quotes that headers have; conditions want them. */
function quoted(etag: string): string {
  return etag === '' || etag.endsWith('"') ? etag : `"${etag}"`;
}

function hex(md5: Uint8Array | undefined): string | undefined {
  return md5 === undefined || md5.length === 0 ? undefined : Buffer.from(md5).toString('hex');
}
