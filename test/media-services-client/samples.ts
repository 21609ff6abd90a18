/** Answers of the real service, as they were recorded (public reference and SDK recordings of Media Services v2). */
const api = 'https://wamsbluclus001rest-hs.cloudapp.net/api';

export const assetGuid = '7e712f7e-d35f-4629-a9b1-47b35b2b576b';
const asset = {
  Id: `nb:cid:UUID:${assetGuid}`,
  State: 0,
  AlternateId: null,
  Name: 'BigBuckBunny.mp4',
  Options: 0,
  FormatOption: 0,
  Uri: `https://storage.blob.core.windows.net/asset-${assetGuid}`,
  StorageAccountName: 'storage',
};

const deferred = (name: string): object => ({ __deferred: { uri: `${api}/…/${name}` } });

export const verboseAsset = {
  d: {
    __metadata: {
      id: `${api}/Assets('nb%3Acid%3AUUID%3A${assetGuid}')`,
      uri: `${api}/Assets('nb%3Acid%3AUUID%3A${assetGuid}')`,
      type: 'Microsoft.Cloud.Media.Vod.Rest.Data.Models.Asset',
    },
    Locators: deferred('Locators'),
    Files: deferred('Files'),
    StorageAccount: deferred('StorageAccount'),
    ...asset,
    Created: '/Date(1587084991763)/',
    LastModified: '/Date(1587084991763)/',
  },
};

export const lightAsset = {
  'odata.metadata': `${api}/$metadata#Assets/@Element`,
  ...asset,
  Created: '2020-04-17T00:56:31.763',
  LastModified: '2020-04-17T00:56:31.763Z',
};

export function lightAssetNamed(name: string, guid: string, created: string): Record<string, unknown> {
  return { ...lightAsset, Id: `nb:cid:UUID:${guid}`, Name: name, Created: created };
}

export const file = {
  Id: 'nb:cid:UUID:08091296-b368-4444-9ce9-878798ef482e',
  Name: 'clip.mov',
  ContentFileSize: '122992491',
  ParentAssetId: 'nb:cid:UUID:3682f1d9-05f5-442a-832b-afe25cfec903',
  EncryptionVersion: null,
  EncryptionScheme: null,
  IsEncrypted: false,
  EncryptionKeyId: null,
  InitializationVector: null,
  IsPrimary: false,
  LastModified: '/Date(1587097903363)/',
  Created: '/Date(1587097903363)/',
  MimeType: null,
  ContentChecksum: null,
  Options: 0,
};

export const jobGuid = '5d5aee16-ab4c-4d9c-8d8b-3a9f3b0b1c2d';
export const verboseJob = {
  d: {
    __metadata: { id: 'J', uri: 'J', type: 'Microsoft.Cloud.Media.Vod.Rest.Data.Models.Job' },
    Tasks: deferred('Tasks'),
    OutputMediaAssets: deferred('OutputMediaAssets'),
    InputMediaAssets: deferred('InputMediaAssets'),
    Id: `nb:jid:UUID:${jobGuid}`,
    Name: 'NewTestJob',
    Created: '2015-01-19T08:04:34.3287057Z',
    LastModified: '2015-01-19T08:04:34.3287057Z',
    EndTime: null,
    Priority: 0,
    RunningDuration: 0,
    StartTime: null,
    State: 0,
    TemplateId: null,
    JobNotificationSubscriptions: {
      __metadata: {
        type: 'Collection(Microsoft.Cloud.Media.Vod.Rest.Data.Models.JobNotificationSubscription)',
      },
      results: [],
    },
  },
};

export const jobRequest = {
  Name: 'NewTestJob',
  InputMediaAssets: [{ __metadata: { uri: `API/Assets('nb%3Acid%3AUUID%3A${assetGuid}')` } }],
  Tasks: [
    {
      Configuration: 'Adaptive Streaming',
      MediaProcessorId: 'nb:mpid:UUID:ff4df607-d419-42f0-bc17-a481b1331e56',
      TaskBody:
        '<?xml version="1.0" encoding="utf-8"?><taskBody><inputAsset>JobInputAsset(0)</inputAsset>' +
        '<outputAsset assetCreationOptions="0" assetName="Tom &amp; &quot;Jerry&quot;">JobOutputAsset(0)</outputAsset></taskBody>',
    },
  ],
};

const task = {
  Id: 'nb:tid:UUID:1f2d3c4b-5a69-4788-9abc-def012345678',
  Configuration: 'Adaptive Streaming',
  EndTime: '0001-01-01T00:00:00',
  MediaProcessorId: 'nb:mpid:UUID:ff4df607-d419-42f0-bc17-a481b1331e56',
  Name: null,
  PerfMessage: null,
  Priority: 0,
  Progress: 100,
  RunningDuration: 34_210.5,
  StartTime: '2015-01-19T08:05:00',
  State: 4,
  TaskBody: '<taskBody/>',
  Options: 0,
  EncryptionScheme: 'None',
};
const details = [
  { Code: 'ErrorDownloadingInputAssetMalformedContent', Message: 'The file is no video.' },
  { Code: 'ErrorOfAnotherTime', Message: 'Something else.' },
];
const events = [
  { Code: 'WaitingForFreeResources', Message: null, TimeStamp: '2015-01-19T08:04:40.1Z' },
  { Code: 'TaskBillingInformationAdded', Message: null, TimeStamp: '2015-01-19T08:06:40.1Z' },
];
const collection = (results: readonly object[]): object => ({
  __metadata: { type: 'Collection(…)' },
  results,
});
export const verboseTask = {
  ...task,
  ErrorDetails: collection(details),
  HistoricalEvents: collection(events),
};
export const lightTask = { ...task, ErrorDetails: details, HistoricalEvents: events };

export const locatorGuid = '9f2a1c3e-0000-4000-8000-00000000000a';
export const originLocator = {
  Id: `nb:lid:UUID:${locatorGuid}`,
  Name: null,
  Type: 2,
  AccessPolicyId: 'nb:pid:UUID:44bd1e3f-1111-4111-8111-111111111111',
  AssetId: `nb:cid:UUID:${assetGuid}`,
  StartTime: '2026-11-22T08:51:29',
  ExpirationDateTime: '2036-11-20T08:51:29',
  Path: `http://acct.streaming.mediaservices.windows.net/${locatorGuid}/`,
  BaseUri: 'http://acct.streaming.mediaservices.windows.net',
  ContentAccessComponent: locatorGuid,
};

export const verboseError = (message: string): object => ({
  error: { code: '', message: { lang: 'en-US', value: message } },
});
export const lightError = (message: string): object => ({
  'odata.error': { code: '', message: { lang: 'en-US', value: message } },
});
