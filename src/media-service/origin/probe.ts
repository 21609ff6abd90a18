import type { Client } from './bounded-cache.ts';
import { segmentPlace, type Library, type Publication } from './library.ts';

/** What a probe of a published asset found. */
export type ContentProbe =
  | { readonly outcome: 'good' }
  /** `code` is stable: `storage-unavailable`, `endpoint-not-running`, or what is wrong with the content. */
  | { readonly outcome: 'bad'; readonly code: string; readonly message: string };

/**
 * Reads what a viewer needs first: the server manifest, each track's index, the first fragment of the first track. An
 * asset of plain files is good when it has any.
 * @throws OriginProblem
 * @throws MalformedMediaError
 * @throws UnsupportedMediaError
 * @throws StorageUnavailableError
 * @throws BlobChangedError
 */
export async function probeContent(
  library: Library,
  publication: Publication,
  client: Client,
): Promise<ContentProbe> {
  const { primaryFile } = publication.asset;
  const isServerManifest = (name: string): boolean => name.toLowerCase().endsWith('.ism');
  const serverManifest =
    primaryFile !== undefined && isServerManifest(primaryFile)
      ? primaryFile
      : [...publication.blobs.keys()].find(isServerManifest);
  if (serverManifest === undefined) {
    return publication.blobs.size > 0
      ? { outcome: 'good' }
      : { outcome: 'bad', code: 'empty-asset', message: 'The asset has no files.' };
  }
  const tracks = await library.tracks(publication, serverManifest, client);
  await library.presentation(tracks, client);
  const [first] = tracks;
  if (first !== undefined) {
    const { index } = await library.storedTrack(first.version, client);
    await library.segment(segmentPlace(first.version, index, 0), client);
  }
  return { outcome: 'good' };
}
