import type { NewJob } from './media-services.ts';
import { entityPath } from './odata.ts';

/** The body of `POST Jobs` in verbose JSON: one task from one input asset, which is named by its URL under `base`. */
export function jobBody(wanted: NewJob, base: string): Readonly<Record<string, unknown>> {
  // Without assetCreationOptions="0" the output would be StorageEncrypted, which cannot be replicated.
  const taskBody =
    '<?xml version="1.0" encoding="utf-8"?><taskBody><inputAsset>JobInputAsset(0)</inputAsset>' +
    `<outputAsset assetCreationOptions="0" assetName="${xmlAttribute(wanted.outputAssetName)}">` +
    'JobOutputAsset(0)</outputAsset></taskBody>';
  return {
    Name: wanted.name,
    InputMediaAssets: [{ __metadata: { uri: `${base}${entityPath('Assets', wanted.inputAssetId)}` } }],
    Tasks: [
      {
        Configuration: wanted.configuration,
        MediaProcessorId: wanted.mediaProcessorId,
        TaskBody: taskBody,
      },
    ],
  };
}

function xmlAttribute(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
