import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { at, startService, TestClient, type Json, type RunningService } from '../running-service.ts';

/** What this service answers, beside answers that were recorded of the real one. */
let running: RunningService;
let verbose: TestClient;
let light: TestClient;
const guid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const models = 'Microsoft.Cloud.Media.Vod.Rest.Data.Models';
const standardEncoder = 'nb:mpid:UUID:ff4df607-d419-42f0-bc17-a481b1331e56';
const taskBody =
  '<?xml version="1.0" encoding="utf-8"?><taskBody><inputAsset>JobInputAsset(0)</inputAsset>' +
  '<outputAsset>JobOutputAsset(0)</outputAsset></taskBody>';

beforeAll(async () => {
  running = await startService();
  light = await TestClient.create(running);
  verbose = light.with({ Accept: 'application/json;odata=verbose' });
});
afterAll(() => running.close());

/** An answer in the words of a record: its addresses, guids and times replaced by what the record has. */
function asRecorded(text: string): Json {
  const account = running.azurite.account('mediaa');
  return JSON.parse(
    text
      .replaceAll(running.api, 'API/')
      .replaceAll(account.blobUrl, 'https://STORAGE.blob.core.windows.net')
      .replaceAll('"mediaa"', '"STORAGE"')
      .replaceAll(guid, 'GUID')
      .replaceAll(/\\\/Date\(\d+\)\\\//g, '/Date(TIME)/')
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/g, 'ISO-TIME'),
  ) as Json;
}

const deferred = (uri: string) => ({ __deferred: { uri } });

test('an asset in verbose JSON', async () => {
  const answer = await verbose.call('POST', 'Assets', { Name: 'BigBuckBunny.mp4' });
  expect(answer.status).toBe(201);
  expect(answer.headers.get('location')).toMatch(/\/api\/Assets\('nb%3Acid%3AUUID%3A[0-9a-f-]{36}'\)$/);
  expect(answer.text).toMatch(/"Created":"\\\/Date\(\d{13}\)\\\/"/);
  const uri = "API/Assets('nb%3Acid%3AUUID%3AGUID')";
  const recorded = {
    d: {
      __metadata: { id: uri, uri, type: `${models}.Asset` },
      Locators: deferred(`${uri}/Locators`),
      ContentKeys: deferred(`${uri}/ContentKeys`),
      Files: deferred(`${uri}/Files`),
      ParentAssets: deferred(`${uri}/ParentAssets`),
      DeliveryPolicies: deferred(`${uri}/DeliveryPolicies`),
      AssetFilters: deferred(`${uri}/AssetFilters`),
      StorageAccount: deferred(`${uri}/StorageAccount`),
      Id: 'nb:cid:UUID:GUID',
      State: 0,
      Created: '/Date(TIME)/',
      LastModified: '/Date(TIME)/',
      AlternateId: null,
      Name: 'BigBuckBunny.mp4',
      Options: 0,
      FormatOption: 0,
      Uri: 'https://STORAGE.blob.core.windows.net/asset-GUID',
      StorageAccountName: 'STORAGE',
    },
  };
  // As text: the order of the properties is the record's, too.
  expect(JSON.stringify(asRecorded(answer.text))).toBe(JSON.stringify(recorded));
});

test('an asset in light JSON', async () => {
  const answer = await light.call('POST', 'Assets', { Name: 'x', AlternateId: 'film-1' });
  expect(answer.headers.get('content-type')).toBe(
    'application/json;odata=minimalmetadata;streaming=true;charset=utf-8',
  );
  expect(asRecorded(answer.text)).toEqual({
    'odata.metadata': 'API/$metadata#Assets/@Element',
    Id: 'nb:cid:UUID:GUID',
    State: 0,
    Created: 'ISO-TIME',
    LastModified: 'ISO-TIME',
    AlternateId: 'film-1',
    Name: 'x',
    Options: 0,
    FormatOption: 0,
    Uri: 'https://STORAGE.blob.core.windows.net/asset-GUID',
    StorageAccountName: 'STORAGE',
  });
  expect(await light.list("Assets?$filter=AlternateId eq 'film-1'")).toHaveLength(1);
});

test('a file after CreateFileInfos', async () => {
  const { Id: id } = await light.make('Assets', { Name: 'clips' });
  const container = BlobServiceClient.fromConnectionString(
    running.azurite.account('mediaa').connectionString,
  ).getContainerClient(`asset-${String(id).slice(-36)}`);
  await container.getBlockBlobClient('clip.mov').upload('0123456789', 10);
  expect((await light.get(`CreateFileInfos?assetid='${String(id)}'`)).status).toBe(204);
  expect((await light.get(`CreateFileInfos?assetid='${String(id)}'`)).status).toBe(204);
  const answer = await verbose.get(`${at('Assets', id)}/Files`);
  const [file, ...more] = (asRecorded(answer.text)['d'] as { results: Json[] }).results;
  expect(more).toEqual([]);
  const { __metadata: metadata } = file!;
  expect(JSON.stringify(file)).toBe(
    JSON.stringify({
      __metadata: metadata,
      Id: 'nb:cid:UUID:GUID',
      Name: 'clip.mov',
      ContentFileSize: '10',
      ParentAssetId: 'nb:cid:UUID:GUID',
      EncryptionVersion: null,
      EncryptionScheme: null,
      IsEncrypted: false,
      EncryptionKeyId: null,
      InitializationVector: null,
      IsPrimary: false,
      LastModified: '/Date(TIME)/',
      Created: '/Date(TIME)/',
      MimeType: null,
      ContentChecksum: null,
      Options: 0,
    }),
  );
});

test('a job with its task', async () => {
  const input = await light.make('Assets', { Name: 'input' });
  const answer = await verbose.call('POST', 'Jobs', {
    Name: 'NewTestJob',
    InputMediaAssets: [{ __metadata: { uri: running.api + at('Assets', input['Id']) } }],
    Tasks: [{ Configuration: 'Adaptive Streaming', MediaProcessorId: standardEncoder, TaskBody: taskBody }],
  });
  expect(answer.status).toBe(201);
  const uri = "API/Jobs('nb%3Ajid%3AUUID%3AGUID')";
  expect(asRecorded(answer.text)).toEqual({
    d: {
      __metadata: { id: uri, uri, type: `${models}.Job` },
      Tasks: deferred(`${uri}/Tasks`),
      OutputMediaAssets: deferred(`${uri}/OutputMediaAssets`),
      InputMediaAssets: deferred(`${uri}/InputMediaAssets`),
      Id: 'nb:jid:UUID:GUID',
      Name: 'NewTestJob',
      Created: 'ISO-TIME',
      LastModified: 'ISO-TIME',
      EndTime: null,
      Priority: 0,
      RunningDuration: 0,
      StartTime: null,
      State: 0,
      TemplateId: null,
      JobNotificationSubscriptions: {
        __metadata: { type: `Collection(${models}.JobNotificationSubscription)` },
        results: [],
      },
    },
  });
  const { Id: jobId } = (answer.json['d'] ?? {}) as Json;
  expect((await verbose.get(`${at('Jobs', jobId)}/State`)).json).toEqual({ d: { State: 0 } });
  const [task] = await light.list(`${at('Jobs', jobId)}/Tasks`);
  expect(task).toMatchObject({
    Configuration: 'Adaptive Streaming',
    TaskBody: taskBody,
    Progress: 0,
    State: 0,
    EncryptionScheme: 'None',
    ErrorDetails: [],
    HistoricalEvents: [{ Code: 'WaitingForFreeResources', Message: null }],
  });
  expect((await light.get(at('Tasks', task!['Id']))).json['Configuration']).toBe('Adaptive Streaming');
  // Without assetCreationOptions the output is storage encrypted, as in the reference.
  const [output] = await light.list(`${at('Jobs', jobId)}/OutputMediaAssets`);
  expect(output).toMatchObject({ State: 0, Name: null, Options: 1 });
  expect(await light.list(`${at('Assets', output!['Id'])}/ParentAssets`)).toMatchObject([
    { Id: input['Id'] },
  ]);

  expect((await light.call('DELETE', at('Assets', input['Id']))).status).toBe(204);
  expect(await light.list(`${at('Jobs', jobId)}/InputMediaAssets`)).toMatchObject([
    {
      Id: input['Id'],
      State: 2,
      Name: 'Nonexistent Asset',
      Uri: null,
      StorageAccountName: null,
    },
  ]);
});

test('locators of both types', async () => {
  const asset = await light.make('Assets', {});
  const policy = await light.make('AccessPolicies', {
    Name: 'read',
    DurationInMinutes: 60,
    Permissions: 9,
  });
  const ids = { AccessPolicyId: policy['Id'], AssetId: asset['Id'] };
  const sas = await light.make('Locators', { ...ids, Type: 1 });
  const sasGuid = String(sas['Id']).slice(-36);
  expect(sas['StartTime']).toBeNull();
  expect(sas['BaseUri']).toBe(asset['Uri']);
  expect(sas['Path']).toBe(`${String(sas['BaseUri'])}${String(sas['ContentAccessComponent'])}`);
  const parameters = new URLSearchParams(String(sas['ContentAccessComponent']));
  expect(parameters.get('si')).toBe(sasGuid);
  expect(parameters.get('sr')).toBe('c');
  for (const name of ['sv', 'sig', 'se']) expect(parameters.has(name)).toBe(true);

  const origin = await light.make('Locators', { ...ids, Type: 2, StartTime: '2026-01-01T00:00:00Z' });
  const originGuid = String(origin['Id']).slice(-36);
  expect(origin).toMatchObject({
    Path: `${running.service.url}/${originGuid}/`,
    ContentAccessComponent: originGuid,
    StartTime: '2026-01-01T00:00:00.000Z',
    ExpirationDateTime: '2026-01-01T01:00:00.000Z',
  });
  expect((await light.get(`${at('Locators', origin['Id'])}/Asset`)).json['Id']).toBe(asset['Id']);
  expect((await light.get(`${at('Locators', origin['Id'])}/AccessPolicy`)).json['Id']).toBe(policy['Id']);
});

test('errors in both forms', async () => {
  const path = at('Assets', 'nb:cid:UUID:00000000-0000-4000-8000-000000000000');
  const message = { lang: 'en-US', value: expect.any(String) as string };
  const inVerbose = await verbose.get(path);
  expect(inVerbose.status).toBe(404);
  expect(inVerbose.json).toEqual({ error: { code: '', message } });
  const inLight = await light.get(path);
  expect(inLight.json).toEqual({ 'odata.error': { code: '', message } });
  const unknown = await verbose.call('POST', 'Assets', { Name: 'x', Colour: 'red' });
  expect(unknown.status).toBe(400);
  expect(unknown.text).toContain(
    'Parsing request content failed due to: Make sure to only use property names that are defined by the type',
  );
});

test('media processors and the default streaming endpoint', async () => {
  const [encoder] = await light.list("MediaProcessors?$filter=Name eq 'Media Encoder Standard'");
  expect(encoder).toMatchObject({ Id: standardEncoder, Vendor: 'Microsoft' });
  const [endpoint, ...more] = await light.list('StreamingEndpoints');
  expect(more).toEqual([]);
  expect(endpoint).toMatchObject({ Name: 'default', State: 'Stopped', ScaleUnits: 0 });
  const path = at('StreamingEndpoints', endpoint!['Id']);
  for (const [action, state] of [
    ['Start', 'Running'],
    ['Stop', 'Stopped'],
  ]) {
    const answer = await light.call('POST', `${path}/${String(action)}`);
    expect(answer.status).toBe(202);
    const operation = await light.get(at('Operations', answer.headers.get('operation-id')));
    expect(operation.json).toMatchObject({ State: 'Succeeded', TargetEntityId: endpoint!['Id'] });
    expect((await light.get(path)).json['State']).toBe(state);
  }
  expect((await light.call('DELETE', path)).status).toBe(400);
});
