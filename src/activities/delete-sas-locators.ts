import type { AssetId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';
import { isOfRun, ownSasLocators, unusedLocators } from './sas-locators.ts';

export interface DeleteSasLocatorsInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly assetId: AssetId;
}

/** Step 14: deletes the run's SAS locators for the asset, and those that nobody uses any more. */
export function deleteSasLocators(dependencies: Dependencies) {
  const { dataCenters } = dependencies;
  return async ({ run, side, assetId }: DeleteSasLocatorsInput): Promise<{ readonly deleted: number }> => {
    const { media } = dataCenters[side];
    const all = await ownSasLocators(media, assetId);
    const own = all.filter((locator) => isOfRun(locator, run));
    for (const { Id } of own) await media.deleteLocator(Id);
    const left = await unusedLocators(dependencies, run, all);
    for (const { Id } of left) await media.deleteLocator(Id);
    return { deleted: own.length + left.length };
  };
}
