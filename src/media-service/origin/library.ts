import { MalformedMediaError } from '../boxes/malformed-media.ts';
import { makePresentation, type Presentation, type StoredTrack } from '../packager/presentation.ts';
import { segmentSize, type SegmentIndex } from '../packager/segment-index.ts';
import { readServerManifest, type ListedTrack } from '../packager/server-manifest.ts';
import { readStoredTrack } from '../packager/stored-track.ts';
import { ask, hashBlob, readWhole, versionKey, type BlobVersion } from './blob-reading.ts';
import { BoundedCache, createClient, type Client } from './bounded-cache.ts';
import { ByteGate } from './byte-gate.ts';
import { OriginProblem } from './problem.ts';
import type { PublishedAsset, PublishedBlob, PublishedContent } from './published-content.ts';

/** What a locator publishes, as it was a moment ago. */
export interface Publication {
  readonly locator: string;
  readonly asset: PublishedAsset;
  /** By name; the same map as before as long as no blob has changed. */
  readonly blobs: ReadonlyMap<string, PublishedBlob>;
  /** Look again after this, milliseconds since the epoch. */
  readonly freshUntil: number;
}

/** A track of a publication and the blob that holds it. */
export interface PublishedTrack {
  readonly listed: ListedTrack;
  readonly version: BlobVersion;
}

/** Where a segment is stored; bytes. */
export interface SegmentPlace {
  /** Names it in a cache. */
  readonly key: string;
  readonly version: BlobVersion;
  readonly offset: number;
  readonly size: number;
}

/** Where segment `number` of a track is. */
export function segmentPlace(version: BlobVersion, index: SegmentIndex, number: number): SegmentPlace {
  const offset = index.offsets[number] ?? Number.NaN;
  return { key: `${versionKey(version)}/${offset}`, version, offset, size: segmentSize(index, number) };
}

export interface LibraryOptions {
  /** Memory for server manifests, track indexes and rendered manifests, bytes. */
  readonly indexCacheBytes: number;
  /** Memory for stored segments, bytes. */
  readonly fragmentCacheBytes: number;
  /** How long what a locator publishes is taken for unchanged, milliseconds: a delete takes effect after this. */
  readonly publicationFreshness: number;
  readonly now: () => number;
}

/** Memory for what locators publish, bytes. */
const publicationCacheBytes = 8 * 2 ** 20;
/** Segments being read hold half as much as those kept, this at least, bytes. */
const leastReading = 16 * 2 ** 20;
const maximumServerManifest = 1024 * 1024;
/** How long a request waits for a large file to be hashed, milliseconds. */
const hashPatience = 15_000;
/** Ten minutes of 1080p in one segment; what is beyond this is corrupt. */
const maximumSegment = 512 * 2 ** 20;

/** Published assets, read through caches: everything the origin knows of the storage goes through here. */
export class Library {
  readonly #content: PublishedContent;
  readonly #options: LibraryOptions;
  readonly #publications: BoundedCache<Publication>;
  readonly #serverManifests: BoundedCache<readonly ListedTrack[]>;
  readonly #hashes: BoundedCache<string>;
  readonly #tracks: BoundedCache<StoredTrack>;
  readonly #rendered: BoundedCache<Buffer>;
  readonly #segments: BoundedCache<Buffer>;
  readonly #reading: ByteGate;

  constructor(content: PublishedContent, options: LibraryOptions) {
    this.#content = content;
    this.#options = options;
    const { indexCacheBytes } = options;
    this.#publications = new BoundedCache(publicationCacheBytes, ({ blobs }) => 500 + blobs.size * 500);
    // Shares of the one budget, so that its sum holds.
    this.#serverManifests = new BoundedCache(indexCacheBytes * 0.05, (listed) => 300 + listed.length * 300);
    this.#hashes = new BoundedCache(indexCacheBytes * 0.05, () => 300);
    this.#tracks = new BoundedCache(indexCacheBytes * 0.6, trackBytes);
    this.#rendered = new BoundedCache(indexCacheBytes * 0.3, ({ length }) => length + 300);
    this.#segments = new BoundedCache(options.fragmentCacheBytes, ({ length }) => length + 300);
    this.#reading = new ByteGate(Math.max(options.fragmentCacheBytes / 2, leastReading));
  }

  /**
   * What a locator publishes now.
   * @throws OriginProblem 404 when there is no such locator, or it has not started or has expired
   * @throws StorageUnavailableError
   */
  async publication(locator: string, client: Client): Promise<Publication> {
    const kept = this.#publications.get(locator);
    if (kept !== undefined && kept.freshUntil <= this.#options.now()) this.#publications.delete(locator);
    const publication = await this.#publications.getOrLoad(locator, client, () => this.#look(locator, kept));
    if (publication.asset.expires.getTime() <= this.#options.now()) throw unknownLocator();
    return publication;
  }

  /** Whether a locator is known to publish these very blobs now. */
  isCurrent(locator: string, blobs: Publication['blobs']): boolean {
    const kept = this.#publications.get(locator);
    const now = this.#options.now();
    return kept?.blobs === blobs && now < kept.freshUntil && now < kept.asset.expires.getTime();
  }

  /** Makes the next request look again: a blob was found changed. */
  forget(locator: string): void {
    this.#publications.delete(locator);
  }

  async #look(locator: string, former: Publication | undefined): Promise<Publication> {
    const asset = await ask(this.#content.find(locator));
    if (asset === undefined) throw unknownLocator();
    const found = await ask(this.#content.list(asset.assetId));
    const blobs = new Map(found.map((blob) => [blob.name, blob]));
    const unchanged =
      former?.asset.assetId === asset.assetId &&
      former.blobs.size === blobs.size &&
      found.every(({ name, etag }) => former.blobs.get(name)?.etag === etag);
    return {
      locator,
      asset,
      blobs: unchanged ? former.blobs : blobs,
      freshUntil: this.#options.now() + this.#options.publicationFreshness,
    };
  }

  /**
   * A file of a publication.
   * @throws OriginProblem 404
   */
  file(publication: Publication, name: string): BlobVersion {
    const blob = publication.blobs.get(name);
    if (blob === undefined) throw new OriginProblem(404, 'unknown-file', 'The asset has no such file.');
    return { assetId: publication.asset.assetId, blob };
  }

  /**
   * The tracks that a server manifest lists.
   * @throws OriginProblem 404 for an unknown server manifest, 500 when a listed file is missing
   * @throws MalformedMediaError
   */
  async tracks(
    publication: Publication,
    serverManifest: string,
    client: Client,
  ): Promise<readonly PublishedTrack[]> {
    const version = this.file(publication, serverManifest);
    const listed = await this.#serverManifests.getOrLoad(versionKey(version), client, async (shared) => {
      if (version.blob.size > maximumServerManifest) {
        throw new MalformedMediaError(`A server manifest of ${version.blob.size} bytes is beyond reason.`);
      }
      const bytes = await readWhole(this.#content, version, 0, version.blob.size, shared.signal);
      return readServerManifest(bytes.toString('utf8'));
    });
    return listed.map((track) => {
      const blob = publication.blobs.get(track.source) ?? publication.blobs.get(decoded(track.source));
      if (blob === undefined) {
        throw new OriginProblem(500, 'incomplete-asset', 'A file that the server manifest lists is missing.');
      }
      return { listed: track, version: { assetId: publication.asset.assetId, blob } };
    });
  }

  /**
   * The MD5 of a blob's content, hex: its property, else computed once.
   * @throws OriginProblem 503 when that takes long: it goes on, and a later request finds it done
   */
  async md5(version: BlobVersion, client: Client): Promise<string> {
    if (version.blob.md5 !== undefined) return version.blob.md5;
    const key = versionKey(version);
    const hash = (waiter: Client): Promise<string> =>
      this.#hashes.getOrLoad(key, waiter, (shared) => hashBlob(this.#content, version, shared.signal));
    const kept = this.#hashes.get(key);
    if (kept !== undefined) return kept;
    // One more waits for as long as it takes: whoever asked may go.
    hash(createClient()).catch(() => undefined);
    const patience = AbortSignal.any([client.signal, AbortSignal.timeout(hashPatience)]);
    try {
      return await hash({ signal: patience });
    } catch (error) {
      if (!patience.aborted || client.signal.aborted) throw error;
      throw notReady();
    }
  }

  /**
   * A track's head and index.
   * @throws MalformedMediaError
   * @throws UnsupportedMediaError
   */
  storedTrack(version: BlobVersion, client: Client): Promise<StoredTrack> {
    return this.#tracks.getOrLoad(versionKey(version), client, (shared) =>
      readStoredTrack(
        (offset, count) => readWhole(this.#content, version, offset, count, shared.signal),
        version.blob.size,
      ),
    );
  }

  /** All tracks, grouped into streams. */
  async presentation(tracks: readonly PublishedTrack[], client: Client): Promise<Presentation> {
    return makePresentation(
      await Promise.all(
        tracks.map(async ({ listed, version }) => ({
          listed,
          stored: await this.storedTrack(version, client),
        })),
      ),
    );
  }

  /** A manifest as bytes, rendered once for each ETag. */
  rendered(etag: string, client: Client, render: (client: Client) => Promise<string>): Promise<Buffer> {
    return this.#rendered.getOrLoad(etag, client, async (shared) => Buffer.from(await render(shared)));
  }

  /** As `rendered`, where it is in memory. */
  renderedAtHand(etag: string): Buffer | undefined {
    return this.#rendered.get(etag);
  }

  /** As `segment`, where it is in memory. */
  segmentAtHand(place: SegmentPlace): Buffer | undefined {
    return this.#segments.get(place.key);
  }

  /**
   * The stored bytes of a segment.
   * @throws MalformedMediaError when it is too large
   */
  segment({ key, version, offset, size }: SegmentPlace, client: Client): Promise<Buffer> {
    if (size > maximumSegment) throw new MalformedMediaError(`A segment of ${size} bytes is beyond reason.`);
    return this.#segments.getOrLoad(key, client, (shared) =>
      this.#reading.pass(size, shared, () => readWhole(this.#content, version, offset, size, shared.signal)),
    );
  }
}

function trackBytes({ index, initialization, firstDurations }: StoredTrack): number {
  return index.times.byteLength * 2 + initialization.length * 2 + firstDurations.length * 8 + 1000;
}

function notReady(): OriginProblem {
  return new OriginProblem(
    503,
    'content-not-ready',
    'The file has no MD5 property: it is being read once to make one.',
    { 'Retry-After': '30' },
  );
}

function unknownLocator(): OriginProblem {
  return new OriginProblem(404, 'unknown-locator', 'There is no such locator, or it is not valid now.');
}

/** A `src` may be written percent-encoded. */
function decoded(source: string): string {
  try {
    return decodeURIComponent(source);
  } catch {
    return source;
  }
}
