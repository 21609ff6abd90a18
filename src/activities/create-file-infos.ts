import type { AssetId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';
import { manifestOf } from './published-asset.ts';

export interface CreateFileInfosInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly assetId: AssetId;
}

/** Step 10: makes the asset's files known to the media service, then its `.ism` primary. */
export function createFileInfos({ dataCenters }: Dependencies) {
  return async ({ side, assetId }: CreateFileInfosInput): Promise<{ readonly files: number }> => {
    const { media } = dataCenters[side];
    await media.createFileInfos(assetId);
    const files = await media.files(assetId);
    const manifest = manifestOf(files, assetId);
    if (!manifest.IsPrimary) await media.updateFile(manifest.Id, { isPrimary: true });
    return { files: files.length };
  };
}
