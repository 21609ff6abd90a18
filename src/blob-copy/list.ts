import type { BlobSummary, ContainerSasUrl } from './container-sas.ts';
import { openContainer, summary } from './container.ts';
import type { Side } from './errors.ts';
import { defaultLimits, repeated, type RequestLimits } from './requests.ts';

/** The service gives no more a page. */
const largestPage = 5000;

/**
 * Every blob of a container in the order of their names, page by page.
 * @throws BlobCopyError
 */
export async function* listBlobs(
  container: ContainerSasUrl,
  options: {
    /** What the container is to the copy, as messages name it. */
    readonly side: Side;
    readonly signal?: AbortSignal;
    readonly limits?: RequestLimits;
    /** Blobs a page; 5,000 when absent. */
    readonly pageSize?: number;
  },
): AsyncGenerator<BlobSummary> {
  const client = openContainer(container);
  let continuationToken: string | undefined;
  do {
    const page = await repeated(
      {
        side: options.side,
        doing: 'Listing the blobs',
        signal: options.signal,
        limits: options.limits ?? defaultLimits,
      },
      async ({ signal }) =>
        client
          .listBlobsFlat({ includeMetadata: true, abortSignal: signal })
          .byPage({
            maxPageSize: options.pageSize ?? largestPage,
            ...(continuationToken === undefined ? {} : { continuationToken }),
          })
          .next(),
    );
    if (page.done === true) return;
    for (const { name, properties, metadata } of page.value.segment.blobItems) {
      yield summary(name, properties, metadata);
    }
    continuationToken = page.value.continuationToken;
  } while (continuationToken !== undefined && continuationToken !== '');
}
