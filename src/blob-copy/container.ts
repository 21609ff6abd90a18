import {
  AnonymousCredential,
  BlockBlobClient,
  ContainerClient,
  newPipeline,
  type BlobGetPropertiesResponse,
  type Pipeline,
} from '@azure/storage-blob';
import { survivingEarlyAnswers } from '../transport/early-answers.ts';
import type { BlobSummary, ContainerSasUrl } from './container-sas.ts';

/** Metadata of a copied blob: the MD5 (hex) and the ETag it had at its source. */
export const sourceMd5Metadata = 'sourcemd5';
export const sourceEtagMetadata = 'sourceetag';

/**
 * The way of requests to every container, without retries: when and how often to repeat is decided in `requests.ts`. One
 * for all, since making one costs more than a small request; the SAS is part of a client's URL only.
 */
const pipeline = withoutRetries();

export function openContainer(url: ContainerSasUrl): ContainerClient {
  return new ContainerClient(url, pipeline);
}

/**
 * The same blob, whose Put Block From URL carries the condition that the source has this ETag: the SDK's method for it
 * has none, and without it a source that changes between two blocks would give a blob mixed of both.
 */
export function onlyWhileSourceIs(etag: string, target: BlockBlobClient): BlockBlobClient {
  const conditional = withoutRetries();
  conditional.factories.unshift({
    create: (next) => ({
      sendRequest(request) {
        request.headers.set('x-ms-source-if-match', etag);
        return next.sendRequest(request);
      },
    }),
  });
  return new BlockBlobClient(target.url, conditional);
}

function withoutRetries(): Pipeline {
  return survivingEarlyAnswers(newPipeline(new AnonymousCredential(), { retryOptions: { maxTries: 1 } }));
}

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

export function hex(md5: Uint8Array | undefined): string | undefined {
  return md5 === undefined || md5.length === 0 ? undefined : Buffer.from(md5).toString('hex');
}
