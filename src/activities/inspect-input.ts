import { AssetOptions, AssetState, type AssetFile, type AssetId } from '../media-service/model.ts';
import { MediaServicesError } from '../media-services-client/errors.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import { inputAlternateId } from '../streams/published-name.ts';
import type { Dependencies } from './dependencies.ts';
import { ownSasLocators, uploadLocatorName } from './sas-locators.ts';

export interface InspectInputInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly assetId: AssetId;
}

export interface InspectedInput {
  readonly fileName: string;
  /** Bytes. */
  readonly size: number;
}

/** Step 1 for an asset that is there already: refuses what cannot be encoded, and names it as the stream's input. */
export function inspectInput({ dataCenters }: Dependencies) {
  return async ({ run, side, assetId }: InspectInputInput): Promise<InspectedInput> => {
    const { media, name } = dataCenters[side];
    const { alternateId, file } = await usableInput(media, assetId, name);
    if (alternateId === null)
      await media.updateAsset(assetId, { alternateId: inputAlternateId(run.streamId) });
    if (!file.IsPrimary) await media.updateFile(file.Id, { isPrimary: true });
    return { fileName: file.Name, size: file.ContentFileSize };
  };
}

/**
 * Takes back the URL of an upload that was refused. One that nothing has arrived at yet stays: its upload may be under
 * way.
 */
export async function withdrawUpload(media: MediaServices, assetId: AssetId): Promise<void> {
  if ((await media.files(assetId)).length === 0) return;
  for (const { Id, Name } of await ownSasLocators(media, assetId)) {
    if (Name === uploadLocatorName) await media.deleteLocator(Id);
  }
}

/**
 * The file that an input asset gives to the encoder.
 * @throws FinalError when the asset cannot be encoded
 */
export async function usableInput(
  media: MediaServices,
  assetId: AssetId,
  dataCenter: string,
): Promise<{ readonly alternateId: string | null; readonly file: AssetFile }> {
  const asset = await media.asset(assetId);
  if (asset === undefined || asset.State === AssetState.Deleted) {
    throw new FinalError(
      'input-missing',
      `There is no asset ${assetId} in ${dataCenter}: upload the video there.`,
    );
  }
  if (asset.Options !== AssetOptions.None) {
    throw new FinalError(
      'input-encrypted',
      `The asset ${assetId} is encrypted (Options ${asset.Options}): upload it to one with Options 0.`,
    );
  }
  // The blobs are the truth: an upload by SAS leaves the entities behind.
  await media.createFileInfos(assetId).catch((error: unknown) => {
    if (!(error instanceof MediaServicesError) || error.status !== 400) throw error;
    throw new FinalError('input-name', `The files of the asset ${assetId} cannot be taken: ${error.message}`);
  });
  return { alternateId: asset.AlternateId, file: fileToEncode(await media.files(assetId), assetId) };
}

function fileToEncode(files: readonly AssetFile[], assetId: AssetId): AssetFile {
  const manifests = files.filter(({ Name }) => /\.ism$/i.test(Name));
  if (manifests.length > 1) {
    throw new FinalError(
      'manifest-count',
      `The asset ${assetId} has ${manifests.length} .ism files (${manifests.map(({ Name }) => Name).join(', ')}): an asset is one video.`,
    );
  }
  const [first, second] = files;
  if (first === undefined) {
    throw new FinalError('input-empty', `The asset ${assetId} has no file: upload the video first.`);
  }
  const file = second === undefined ? first : files.find(({ IsPrimary }) => IsPrimary);
  if (file === undefined) {
    throw new FinalError(
      'input-ambiguous',
      `The asset ${assetId} has ${files.length} files: make the one to encode primary.`,
    );
  }
  if (file.ContentFileSize === 0) {
    throw new FinalError(
      'input-empty',
      `The file ${file.Name} of the asset ${assetId} is empty: upload the video to a new asset.`,
    );
  }
  return file;
}
