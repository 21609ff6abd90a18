import type { BlobServiceClient } from '@azure/storage-blob';
import { containerOf, guidOf, type AssetId, type StreamingEndpointState } from '../model.ts';
import {
  BlobChangedError,
  type PublishedAsset,
  type PublishedBlob,
  type PublishedContent,
} from '../origin/published-content.ts';
import type { AssetFiles } from './asset-files.ts';
import { calling, statusOf, storageTrouble } from './errors.ts';
import type { Locators, OriginLocator } from './locators.ts';
import type { StreamingEndpoints } from './streaming-endpoints.ts';

const stateMilliseconds = 2000;

/** What the origin may serve: the assets behind valid origin locators, and their blobs. */
export class PublishedBlobs implements PublishedContent {
  readonly #locators: Locators;
  readonly #files: AssetFiles;
  readonly #endpoints: StreamingEndpoints;
  readonly #blobs: BlobServiceClient;
  #state: { readonly at: number; readonly value: Promise<StreamingEndpointState> } | undefined;

  constructor(
    locators: Locators,
    files: AssetFiles,
    endpoints: StreamingEndpoints,
    blobs: BlobServiceClient,
  ) {
    this.#locators = locators;
    this.#files = files;
    this.#endpoints = endpoints;
    this.#blobs = blobs;
  }

  async endpointState(): Promise<StreamingEndpointState> {
    if (this.#state !== undefined && Date.now() - this.#state.at < stateMilliseconds) {
      return this.#state.value;
    }
    const asked = { at: Date.now(), value: this.#endpoints.state() };
    this.#state = asked;
    try {
      return await asked.value;
    } catch (error) {
      if (this.#state === asked) this.#state = undefined;
      throw error;
    }
  }

  /** The state is read anew from now on: this process has changed it. */
  forgetEndpointState(): void {
    this.#state = undefined;
  }

  async find(locatorGuid: string): Promise<PublishedAsset | undefined> {
    const locator = await this.#locators.origin(locatorGuid);
    if (locator === undefined || !isOpen(locator)) return undefined;
    const { assetId, expires, primaryFile } = locator;
    const name =
      primaryFile === undefined ? undefined : await this.#files.nameOf(guidOf(assetId), primaryFile);
    return { assetId, primaryFile: name, expires };
  }

  async list(assetId: AssetId): Promise<readonly PublishedBlob[]> {
    const container = this.#blobs.getContainerClient(containerOf(assetId));
    const blobs: PublishedBlob[] = [];
    try {
      await calling(async () => {
        for await (const { name, properties } of container.listBlobsFlat()) {
          blobs.push({
            name,
            size: properties.contentLength ?? 0,
            md5: hex(properties.contentMD5),
            etag: quoted(properties.etag),
          });
        }
      });
    } catch (error) {
      if (statusOf(error) === 404) return [];
      throw error;
    }
    return blobs;
  }

  async read(
    assetId: AssetId,
    name: string,
    range: { readonly offset: number; readonly count: number; readonly etag: string },
    signal: AbortSignal,
  ): Promise<NodeJS.ReadableStream> {
    const blob = this.#blobs.getContainerClient(containerOf(assetId)).getBlobClient(name);
    try {
      const answer = await blob.download(range.offset, range.count, {
        conditions: { ifMatch: range.etag },
        abortSignal: signal,
        maxRetryRequests: 2,
      });
      if (answer.readableStreamBody === undefined) throw new Error('A download in Node has a stream.');
      return answer.readableStreamBody;
    } catch (error) {
      const status = statusOf(error);
      if (status === 404 || status === 412) throw new BlobChangedError(`${name} has changed.`);
      throw storageTrouble(error);
    }
  }

  async sample(count: number): Promise<readonly string[]> {
    return this.#locators.sampleOrigins(count, isOpen);
  }
}

function isOpen({ starts, expires }: Pick<OriginLocator, 'starts' | 'expires'>): boolean {
  const now = Date.now();
  return (starts === undefined || starts.getTime() <= now) && now < expires.getTime();
}

function hex(md5: Uint8Array | undefined): string | undefined {
  return md5 === undefined || md5.length === 0 ? undefined : Buffer.from(md5).toString('hex');
}

/** Listings give the ETag without its quotes. */
function quoted(etag: string): string {
  return etag.startsWith('"') ? etag : `"${etag}"`;
}
