import { LocatorType, type AssetId, type Locator } from '../media-service/model.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { RunId } from '../streams/stream-id.ts';
import type { Dependencies } from './dependencies.ts';

/** Every SAS locator of this workflow has a name that begins so: it deletes no others. */
const prefix = 'failover-sas';

/** The locator of an upload, which no run has made. */
export const uploadLocatorName = `${prefix} upload`;

/** `home` says whose run it is: the apps of the two regions read the same assets, and do not see each other's runs. */
export function sasLocatorName(home: DataCenterKey, purpose: 'read' | 'write', runId: RunId): string {
  return `${prefix} ${home} ${purpose} ${runId}`;
}

export async function ownSasLocators(media: MediaServices, assetId: AssetId): Promise<readonly Locator[]> {
  return (await media.locators(assetId))
    .filter(({ Type, Name }) => Type === LocatorType.Sas && Name?.startsWith(prefix) === true)
    .sort((one, other) => (one.Id < other.Id ? -1 : 1));
}

export function isOfRun({ Name }: Locator, { runId }: RunReference): boolean {
  return Name?.endsWith(` ${runId}`) === true;
}

/**
 * Those of an asset's locators that nobody uses while this run is at work: expired ones; and, if it holds the stream,
 * those of earlier runs of this app and of uploads. The other app's are left alone: its run may be verifying.
 */
export async function unusedLocators(
  { claims, settings: { home } }: Dependencies,
  run: RunReference,
  locators: readonly Locator[],
): Promise<readonly Locator[]> {
  const others = locators.filter((locator) => !isOfRun(locator, run));
  if (others.length === 0) return [];
  const holds = await claims.holds(run);
  const theirs = `${prefix} ${otherDataCenter(home)} `;
  return others.filter(
    ({ Name, ExpirationDateTime }) =>
      ExpirationDateTime.getTime() < Date.now() || (holds && Name?.startsWith(theirs) !== true),
  );
}
