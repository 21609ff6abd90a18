import { hashBlob } from '../blob-copy/hash-blob.ts';
import type { BlobSummary } from '../blob-copy/container-sas.ts';
import type { Side } from '../blob-copy/errors.ts';
import type { Asset, LocatorId } from '../media-service/model.ts';
import type { FileState, SideState } from '../streams/side-state.ts';
import type { StreamId } from '../streams/stream-id.ts';
import type { DataCenter } from './dependencies.ts';
import { allBlobs, inContainer } from './containers.ts';
import { originLocators, publishedAsset } from './published-asset.ts';

/**
 * How a side is read. *properties*: what the media service says. *bytes*: what its storage holds, by the SAS locator
 * given; `rehash` reads every byte, without it the MD5 that a blob declares is believed.
 */
export type SideReading = { readonly level: 'properties' } | BytesReading;

interface BytesReading {
  readonly level: 'bytes';
  readonly sasLocatorId: LocatorId;
  readonly rehash: boolean;
}

/** Blobs read at a time. */
const concurrency = 4;

/**
 * A stream as a data center has it; undefined when it has no published asset of the stream. `as`: what the side is to
 * a comparison, as failures of its storage name it.
 */
export async function readSide(
  dataCenter: DataCenter,
  streamId: StreamId,
  reading: ({ readonly level: 'properties'; readonly as?: Side } | (BytesReading & { readonly as: Side })) & {
    readonly signal?: AbortSignal;
  },
): Promise<SideState | undefined> {
  const { media } = dataCenter;
  const found = await publishedAsset(media, streamId);
  if (found === undefined) return undefined;
  const { asset, name } = found;
  const entities = await media.files(asset.Id);
  const files =
    reading.level === 'bytes'
      ? await storedFiles(dataCenter, reading)
      : entities.map(({ Name, ContentFileSize, ContentChecksum }) => ({
          name: Name,
          size: ContentFileSize,
          md5: ContentChecksum ?? undefined,
        }));
  return {
    side: dataCenter.side,
    assetId: asset.Id,
    name,
    files: [...files].sort((one, other) => (one.name < other.name ? -1 : 1)),
    primaryFile: entities.find(({ IsPrimary }) => IsPrimary)?.Name,
    locator: await originLocator(dataCenter, asset),
  };
}

async function originLocator({ media }: DataCenter, asset: Asset): Promise<SideState['locator']> {
  const [locator] = await originLocators(media, asset.Id);
  return (
    locator && {
      id: locator.Id,
      start: locator.StartTime?.toISOString() ?? null,
      expires: locator.ExpirationDateTime.toISOString(),
      path: locator.Path,
    }
  );
}

async function storedFiles(
  { containers }: DataCenter,
  { sasLocatorId, rehash, as, signal }: BytesReading & { readonly as: Side; readonly signal?: AbortSignal },
): Promise<readonly FileState[]> {
  const place = { containers, locatorId: sasLocatorId, as };
  const blobs = await allBlobs(place);
  const files: FileState[] = [];
  const waiting = blobs.values();
  const worker = async (): Promise<void> => {
    for (const blob of waiting) files.push(await fileState(blob));
  };
  const fileState = async (blob: BlobSummary): Promise<FileState> => {
    signal?.throwIfAborted();
    const known = rehash ? undefined : (blob.md5 ?? blob.sourceMd5);
    const hash = async () =>
      inContainer(place, (container) =>
        hashBlob(container, blob.name, { side: as, ...(signal && { signal }) }),
      );
    const md5 = known ?? (await hash()).bytesMd5;
    return { name: blob.name, size: blob.size, md5 };
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return files;
}
