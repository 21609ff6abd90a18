import type { BlobSummary, ContainerSasUrl } from '../blob-copy/container-sas.ts';
import { BlobCopyError, type Side } from '../blob-copy/errors.ts';
import { listBlobs } from '../blob-copy/list.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import { LocatorType, type LocatorId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';

/** Milliseconds. A signature made with a managed identity lives for an hour at most, from its reading. */
const keptFor = 10 * 60_000;
const mostPaths = 1000;

/**
 * The containers of one data center's assets, opened by their SAS locators. Steps are given a locator's id, never its
 * path: the path is a secret, is read here, and is kept in memory only.
 */
export class Containers {
  readonly #media: Pick<MediaServices, 'locator'>;
  readonly #paths = new Map<LocatorId, { readonly url: ContainerSasUrl; readonly until: number }>();

  constructor(media: Pick<MediaServices, 'locator'>) {
    this.#media = media;
  }

  /**
   * The container's URL with its signature.
   * @throws FinalError when the locator is gone
   */
  async url(locatorId: LocatorId): Promise<ContainerSasUrl> {
    const known = this.#paths.get(locatorId);
    if (known !== undefined && Date.now() < known.until) return known.url;
    const locator = await this.#media.locator(locatorId);
    if (locator?.Type !== LocatorType.Sas) {
      throw new FinalError(
        'storage-refused',
        `The SAS locator ${locatorId} was deleted while it was in use.`,
      );
    }
    const url = locator.Path as ContainerSasUrl;
    if (this.#paths.size >= mostPaths) this.#paths.clear();
    this.#paths.set(locatorId, { url, until: Date.now() + keptFor });
    return url;
  }

  /** The known path was refused: the next `url` reads it again. */
  forget(locatorId: LocatorId): void {
    this.#paths.delete(locatorId);
  }
}

/** A container as a run opens it: what may stand in the durable history. */
export interface Place {
  readonly side: DataCenterKey;
  readonly sasLocatorId: LocatorId;
}

/** A container as a step opens it. */
export interface OpenedBy {
  readonly containers: Containers;
  readonly locatorId: LocatorId;
  /** What it is to the step, as failures name it. */
  readonly as: Side;
}

/** Works in one container; a refused signature (403) is read again, once. */
export async function inContainer<Result>(
  place: OpenedBy,
  work: (container: ContainerSasUrl) => Promise<Result>,
): Promise<Result> {
  return withFreshPaths([place], async () => work(await place.containers.url(place.locatorId)));
}

/** Every blob of a container, in the order of their names. */
export async function allBlobs(place: OpenedBy): Promise<readonly BlobSummary[]> {
  return inContainer(place, async (container) => {
    const blobs: BlobSummary[] = [];
    for await (const blob of listBlobs(container, { side: place.as })) blobs.push(blob);
    return blobs;
  });
}

/** Works in two containers; a refused signature (403) is read again, once. */
export async function betweenContainers<Result>(
  source: OpenedBy,
  target: OpenedBy,
  work: (source: ContainerSasUrl, target: ContainerSasUrl) => Promise<Result>,
): Promise<Result> {
  return withFreshPaths([source, target], async () =>
    work(await source.containers.url(source.locatorId), await target.containers.url(target.locatorId)),
  );
}

async function withFreshPaths<Result>(
  places: readonly OpenedBy[],
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BlobCopyError) || error.code !== 'forbidden') throw error;
    for (const { containers, locatorId } of places) containers.forget(locatorId);
    return work();
  }
}
