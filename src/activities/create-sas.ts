import {
  containerOf,
  LocatorType,
  Permissions,
  type AssetId,
  type LocatorId,
} from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';
import { startNow } from './locator-times.ts';
import { ownSasLocators, sasLocatorName, unusedLocators } from './sas-locators.ts';

export interface CreateSasInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly assetId: AssetId;
}

export interface SasLocator {
  /** Its path is a secret, and is read where it is used. */
  readonly locatorId: LocatorId;
  readonly container: string;
}

/** Minutes: longer than any copy, short enough for one that a lost media service could not delete. */
const durationInMinutes = 24 * 60;

const purposes = {
  read: { policy: 'failover copy source', permissions: Permissions.Read + Permissions.List },
  // Write alone cannot see what is there already, nor which blocks wait.
  write: {
    policy: 'failover copy target',
    permissions: Permissions.Read + Permissions.Write + Permissions.List,
  },
} as const;

/** Steps 6 and 8: the run's SAS locator for an asset's container, made unless it is there. */
function createSas(dependencies: Dependencies, purpose: keyof typeof purposes) {
  const { dataCenters, settings } = dependencies;
  return async ({ run, side, assetId }: CreateSasInput): Promise<SasLocator> => {
    const { media } = dataCenters[side];
    const { policy, permissions } = purposes[purpose];
    const name = sasLocatorName(settings.home, purpose, run.runId);
    const find = async (): Promise<readonly LocatorId[]> =>
      (await ownSasLocators(media, assetId)).filter((one) => one.Name === name).map(({ Id }) => Id);
    const [existing] = await find();
    if (existing !== undefined) return { locatorId: existing, container: containerOf(assetId) };
    // A run that was cut off may have left some, and an asset has five at most (REST reference, Locator).
    const left = await unusedLocators(dependencies, run, await ownSasLocators(media, assetId));
    for (const { Id } of left) await media.deleteLocator(Id);
    const { Id: accessPolicyId } = await media.accessPolicy({ name: policy, durationInMinutes, permissions });
    const created = await media.createLocator({
      name,
      type: LocatorType.Sas,
      accessPolicyId,
      assetId,
      startTime: startNow(),
    });
    const [first = created.Id] = await find();
    if (first !== created.Id) await media.deleteLocator(created.Id);
    return { locatorId: first, container: containerOf(assetId) };
  };
}

export function readSas(dependencies: Dependencies) {
  return createSas(dependencies, 'read');
}

export function writeSas(dependencies: Dependencies) {
  return createSas(dependencies, 'write');
}
