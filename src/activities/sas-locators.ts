import { LocatorType, type AssetId, type Locator } from '../media-service/model.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import type { RunId } from '../streams/stream-id.ts';

/** Every SAS locator of this app has a name that begins so: it deletes no others. */
const sasLocatorPrefix = 'failover-sas';

export function sasLocatorName(purpose: 'read' | 'write' | 'upload', runId: RunId | undefined): string {
  return [sasLocatorPrefix, purpose, ...(runId === undefined ? [] : [runId])].join(' ');
}

export async function ownSasLocators(media: MediaServices, assetId: AssetId): Promise<readonly Locator[]> {
  return (await media.locators(assetId))
    .filter(({ Type, Name }) => Type === LocatorType.Sas && Name?.startsWith(sasLocatorPrefix) === true)
    .sort((one, other) => (one.Id < other.Id ? -1 : 1));
}
