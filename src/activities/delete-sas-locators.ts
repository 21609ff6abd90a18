import type { AssetId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';
import { ownSasLocators } from './sas-locators.ts';

export interface DeleteSasLocatorsInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly assetId: AssetId;
}

/** Step 14: deletes every SAS locator that this app has made for the asset. */
export function deleteSasLocators({ dataCenters }: Dependencies) {
  return async ({ side, assetId }: DeleteSasLocatorsInput): Promise<{ readonly deleted: number }> => {
    const { media } = dataCenters[side];
    const locators = await ownSasLocators(media, assetId);
    for (const { Id } of locators) await media.deleteLocator(Id);
    return { deleted: locators.length };
  };
}
