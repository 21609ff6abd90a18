import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  AccessPolicyId,
  AssetFileId,
  AssetId,
  JobId,
  LocatorId,
  MediaProcessorId,
  StreamingEndpointId,
} from '../../src/media-service/model.ts';
import {
  inTurn,
  startRecordedService,
  type RecordedAnswer,
  type RecordedService,
} from './recorded-service.ts';
import * as samples from './samples.ts';

const assetId = `nb:cid:UUID:${samples.assetGuid}` as AssetId;
const jobId = `nb:jid:UUID:${samples.jobGuid}` as JobId;
const locatorId = `nb:lid:UUID:${samples.locatorGuid}` as LocatorId;
const policyId = 'nb:pid:UUID:44bd1e3f-1111-4111-8111-111111111111' as AccessPolicyId;
const processorId = 'nb:mpid:UUID:ff4df607-d419-42f0-bc17-a481b1331e56' as MediaProcessorId;
const endpointId = 'nb:oid:UUID:0a1b2c3d-2222-4222-8222-222222222222' as StreamingEndpointId;

let service: RecordedService;
beforeEach(async () => {
  service = await startRecordedService();
});
afterEach(() => service.close());

const list = (...items: object[]): RecordedAnswer => ({ body: { value: items } });
const calls = (): string[] =>
  service.calls.map(({ method, path }) => `${method} ${path.replace('/api/', '')}`);

describe('entities are read in both forms of JSON', () => {
  test('an asset, dates in both forms', async () => {
    service.answer(inTurn({ body: samples.verboseAsset }, { body: samples.lightAsset }));
    const verbose = await service.client().asset(assetId);
    expect(verbose).toEqual({
      Id: assetId,
      State: 0,
      Created: new Date(1587084991763),
      LastModified: new Date(1587084991763),
      AlternateId: null,
      Name: 'BigBuckBunny.mp4',
      Options: 0,
      FormatOption: 0,
      Uri: `https://storage.blob.core.windows.net/asset-${samples.assetGuid}`,
      StorageAccountName: 'storage',
    });
    // A time without a zone is UTC wherever the program runs.
    const light = await service.client().asset(assetId);
    expect(light).toEqual({
      ...verbose,
      Created: new Date('2020-04-17T00:56:31.763Z'),
      LastModified: new Date('2020-04-17T00:56:31.763Z'),
    });
    expect(calls()[0]).toBe(`GET Assets('${assetId}')`);
  });

  test('a file: its size is an Int64 in a string', async () => {
    service.answer(
      inTurn({ body: { d: { results: [samples.file] } } }, list({ ...samples.file, ContentFileSize: 5 })),
    );
    const client = service.client();
    expect(await client.files(assetId)).toMatchObject([{ Name: 'clip.mov', ContentFileSize: 122_992_491 }]);
    expect(await client.files(assetId)).toMatchObject([{ ContentFileSize: 5 }]);
    expect(calls()[0]).toBe(`GET Assets('${assetId}')/Files`);
  });

  test('a job, and its tasks with their errors and history', async () => {
    service.answer(
      inTurn(
        { body: samples.verboseJob },
        { body: { d: { results: [samples.verboseTask] } } },
        list(samples.lightTask),
      ),
    );
    const client = service.client();
    expect(await client.job(jobId)).toMatchObject({
      Id: jobId,
      State: 0,
      Created: new Date('2015-01-19T08:04:34.328Z'),
      EndTime: null,
    });
    const [verbose] = await client.tasks(jobId);
    expect(verbose).toMatchObject({
      State: 4,
      Progress: 100,
      RunningDuration: 34_210.5,
      StartTime: new Date('2015-01-19T08:05:00Z'),
      EndTime: null,
      ErrorDetails: [
        { Code: 'ErrorDownloadingInputAssetMalformedContent', Message: 'The file is no video.' },
        { Code: 'Unknown', Message: 'ErrorOfAnotherTime: Something else.' },
      ],
      HistoricalEvents: [{ Code: 'WaitingForFreeResources' }, { Code: 'TaskBillingInformationAdded' }],
    });
    expect(await client.tasks(jobId)).toEqual([verbose]);
  });

  test('what is not there is undefined; what is no entity is an error', async () => {
    expect(await service.client().asset(assetId)).toBeUndefined();
    service.answer(
      inTurn(
        { body: { ...samples.lightAsset, Id: 'nb:cid:UUID:nonsense' } },
        { body: '<html>' },
        { body: {} },
      ),
    );
    for (const reason of [/Id is no id of Asset/, /not JSON/, /not what the API says: Id/]) {
      const error: unknown = await service
        .client()
        .asset(assetId)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid-answer', retriable: false });
      expect((error as Error).message).toMatch(reason);
    }
  });
});

describe('lists', () => {
  const guid = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  const asset = (number: number): object =>
    samples.lightAssetNamed(`n${number}`, guid(number), '2026-01-01T00:00:00Z');
  const names = async (filter?: string): Promise<(string | null)[]> => {
    const found: (string | null)[] = [];
    for await (const { Name } of service.client().assets(filter)) found.push(Name);
    return found;
  };

  test.each<[string, (next: string) => [RecordedAnswer, RecordedAnswer]]>([
    ['odata.nextLink', (next) => [{ body: { value: [asset(1)], 'odata.nextLink': next } }, list(asset(2))]],
    [
      '__next',
      (next) => [
        { body: { d: { results: [asset(1)], __next: next } } },
        { body: { d: { results: [asset(2)] } } },
      ],
    ],
  ])('follow %s, absolute or relative', async (_, pages) => {
    service.answer(inTurn(...pages(`${service.url}/api/Assets?$skiptoken=abc`)));
    expect(await names("Name ne 'a b'")).toEqual(['n1', 'n2']);
    expect(calls()).toEqual(["GET Assets?$filter=Name ne 'a b'", 'GET Assets?$skiptoken=abc']);
    service.answer(inTurn(...pages('Assets?$skiptoken=abc')));
    expect(await names()).toEqual(['n1', 'n2']);
  });

  test('a full page without a link is continued by $skip', async () => {
    const full = Array.from({ length: 1000 }, (_, number) => asset(number));
    service.answer(inTurn(list(...full), list(asset(1000))));
    expect(await names()).toHaveLength(1001);
    expect(calls()).toEqual(['GET Assets', 'GET Assets?$skip=1000']);
  });

  test('a link to another host is not followed, nor one in a circle', async () => {
    const other = await startRecordedService();
    try {
      service.answer(() => ({ body: { value: [], 'odata.nextLink': `${other.url}/api/Assets` } }));
      await expect(names()).rejects.toMatchObject({ code: 'invalid-answer' });
      expect(other.calls).toEqual([]);
    } finally {
      await other.close();
    }
    service.answer(() => ({ body: { value: [asset(1)], 'odata.nextLink': 'Assets?$skiptoken=a' } }));
    await expect(names()).rejects.toThrow(/circle/);
  });

  test('the oldest comes first, ties by id; quotes in a value are doubled', async () => {
    service.answer(() =>
      list(
        samples.lightAssetNamed('younger', guid(1), '2026-01-02T00:00:00Z'),
        samples.lightAssetNamed('tie, higher id', guid(3), '2026-01-01T00:00:00Z'),
        samples.lightAssetNamed('tie, lower id', guid(2), '2026-01-01T00:00:00Z'),
      ),
    );
    const found = await service.client().assetsByAlternateId("it's 100% & more");
    expect(found.map(({ Name }) => Name)).toEqual(['tie, lower id', 'tie, higher id', 'younger']);
    expect(calls()).toEqual(["GET Assets?$filter=AlternateId eq 'it''s 100% & more'"]);
  });

  test('the media processor with the highest version is taken, by number', async () => {
    const processor = (Version: string): object => ({
      Id: processorId,
      Name: 'Media Encoder Standard',
      Version,
    });
    service.answer(() => list(processor('1.9'), processor('1.10'), processor('1.2.30')));
    expect(await service.client().mediaProcessor('Media Encoder Standard')).toMatchObject({
      Version: '1.10',
    });
    service.answer(() => list());
    await expect(service.client().mediaProcessor('None')).rejects.toMatchObject({
      code: 'not-found',
      retriable: false,
    });
  });
});

describe('writes', () => {
  test('a job is created as the reference shows it, its input named at the base in use', async () => {
    service.answer(() => ({ status: 201, body: samples.verboseJob }));
    const job = await service.client().createJob({
      name: 'NewTestJob',
      inputAssetId: assetId,
      outputAssetName: 'Tom & "Jerry"',
      mediaProcessorId: processorId,
      configuration: 'Adaptive Streaming',
    });
    expect(job.Id).toBe(jobId);
    const [call] = service.calls;
    expect(call!.headers).toMatchObject({
      accept: 'application/json;odata=verbose',
      'content-type': 'application/json;odata=verbose',
    });
    expect(JSON.parse(call!.body.replace(`${service.url}/api/`, 'API/'))).toEqual(samples.jobRequest);
  });

  test('a locator is created with the id, type and start that are given', async () => {
    service.answer(() => ({ status: 201, body: samples.originLocator }));
    const startTime = new Date('2026-11-22T08:51:29Z');
    const created = await service
      .client()
      .createLocator({ id: locatorId, type: 2, accessPolicyId: policyId, assetId, startTime });
    expect(created).toMatchObject({
      Id: locatorId,
      Type: 2,
      StartTime: startTime,
      Path: samples.originLocator.Path,
    });
    expect(JSON.parse(service.calls[0]!.body)).toEqual({ Id: locatorId, Type: 2, AccessPolicyId: policyId, AssetId: assetId, StartTime: '2026-11-22T08:51:29.000Z' }); // prettier-ignore
  });

  test('a locator whose answer is lost is looked for by its id; one without id is told as unknown', async () => {
    service.answer(({ method }) => (method === 'POST' ? { fault: 'cut' } : { body: samples.originLocator }));
    const wanted = { type: 2, accessPolicyId: policyId, assetId, startTime: new Date() } as const;
    expect(await service.client().createLocator({ ...wanted, id: locatorId })).toMatchObject({
      Id: locatorId,
    });
    expect(calls()).toEqual(['POST Locators', `GET Locators('${locatorId}')`]);
    await expect(service.client().createLocator(wanted)).rejects.toMatchObject({ outcome: 'unknown' });
  });

  test('an update whose answer is lost is looked at, and made again only when it did not take', async () => {
    const id = samples.file.Id as AssetFileId;
    service.answer(({ method }) =>
      method === 'MERGE' ? { status: 500 } : { body: { ...samples.file, IsPrimary: true } },
    );
    await service.client().updateFile(id, { isPrimary: true });
    expect(calls()).toEqual([`MERGE Files('${id}')`, `GET Files('${id}')`]);
    expect(JSON.parse(service.calls[0]!.body)).toEqual({ IsPrimary: true });

    service.calls.length = 0;
    let merges = 0;
    service.answer(({ method }) => {
      if (method === 'GET') return { body: samples.file };
      merges += 1;
      return merges === 1 ? { fault: 'cut' } : { status: 204 };
    });
    await service.client().updateFile(id, { isPrimary: true });
    expect(service.calls.map(({ method }) => method)).toEqual(['MERGE', 'GET', 'MERGE']);
  });

  test('deleting what is absent, or whose answer is lost, is success', async () => {
    await service.client().deleteLocator(locatorId);
    expect(calls()).toEqual([`DELETE Locators('${locatorId}')`]);
    service.answer(({ method }) => (method === 'DELETE' ? { status: 502 } : undefined));
    await service.client().deleteAsset(assetId);
    expect(calls().slice(1)).toEqual([`DELETE Assets('${assetId}')`, `GET Assets('${assetId}')`]);
    service.answer(() => ({ status: 403 }));
    await expect(service.client().deleteLocator(locatorId)).rejects.toMatchObject({ code: 'forbidden' });
  });

  test('CreateFileInfos is a write although it is a GET', async () => {
    service.answer(() => ({ status: 204 }));
    await service.client().createFileInfos(assetId);
    expect(calls()).toEqual([`GET CreateFileInfos?assetid='${assetId}'`]);
    service.answer(() => ({ status: 500 }));
    await expect(service.client().createFileInfos(assetId)).rejects.toMatchObject({ outcome: 'unknown' });
    expect(service.calls).toHaveLength(2);
  });

  test('an access policy with the same terms is reused, the oldest; else one is made', async () => {
    const policy = (Id: string, DurationInMinutes: number | string, Created: string): object => ({
      Id,
      Created,
      LastModified: Created,
      Name: 'read',
      DurationInMinutes,
      Permissions: 1,
    });
    const other = 'nb:pid:UUID:44bd1e3f-3333-4333-8333-333333333333';
    service.answer(() =>
      list(policy(other, '60', '2026-02-01T00:00:00Z'), policy(policyId, 60, '2026-01-01T00:00:00Z')),
    );
    const terms = { name: 'read', durationInMinutes: 60, permissions: 1 };
    expect(await service.client().accessPolicy(terms)).toMatchObject({ Id: policyId });
    expect(calls()).toEqual(["GET AccessPolicies?$filter=Name eq 'read'"]);

    // None yet, and another run makes one at the same moment: both take the older one.
    service.answer(
      inTurn(
        list(policy(policyId, 90, '2026-01-01T00:00:00Z')),
        { status: 201, body: policy(other, 60, '2026-02-02T00:00:00Z') },
        list(policy(other, 60, '2026-02-02T00:00:00Z'), policy(policyId, 60, '2026-02-01T00:00:00Z')),
      ),
    );
    expect(await service.client().accessPolicy(terms)).toMatchObject({ Id: policyId });
    service.answer(inTurn(list(), { fault: 'cut' }, list(policy(policyId, 60, '2026-01-01T00:00:00Z'))));
    expect(await service.client().accessPolicy(terms)).toMatchObject({ Id: policyId });
  });

  test('cancelling a job that has ended already leaves it as it is; other refusals are told', async () => {
    const refusal = { status: 400, body: samples.lightError('Job has already ended') };
    const job = (State: number): RecordedAnswer => ({ body: { ...samples.verboseJob.d, State } });
    service.answer(inTurn({ status: 204 }));
    await service.client().cancelJob(jobId);
    expect(calls()).toEqual([`GET CancelJob?jobid='${jobId}'`]);
    service.answer(inTurn(refusal, job(3)));
    await service.client().cancelJob(jobId);
    service.answer(inTurn(refusal, job(2)));
    await expect(service.client().cancelJob(jobId)).rejects.toMatchObject({ code: 'bad-request' });
  });
});

describe('a streaming endpoint', () => {
  const endpoint = (State: string): object => ({
    Id: endpointId,
    Name: 'default',
    Description: '',
    HostName: 'acct.streaming.mediaservices.windows.net',
    ScaleUnits: 0,
    State,
    Created: '2026-01-01T00:00:00Z',
    LastModified: '2026-01-01T00:00:00Z',
  });
  const operationId = 'nb:opid:UUID:0a1b2c3d-4444-4444-8444-444444444444';
  const operation = (State: string): object => ({ Id: operationId, State, TargetEntityId: endpointId, ErrorCode: 'Busy', ErrorMessage: 'No capacity' }); // prettier-ignore
  const accepted: RecordedAnswer = { status: 202, headers: { 'operation-id': operationId } };

  test('that is stopped is started, and the end of the operation awaited', async () => {
    service.answer(
      inTurn(
        { body: endpoint('Stopped') },
        accepted,
        { body: operation('InProgress') },
        { body: operation('Succeeded') },
      ),
    );
    await service.client().startStreamingEndpoint(endpointId);
    const path = `StreamingEndpoints('${endpointId}')`;
    expect(calls()).toEqual([
      `GET ${path}`,
      `POST ${path}/Start`,
      `GET Operations('${operationId}')`,
      `GET Operations('${operationId}')`,
    ]);
  });

  test('that runs is left alone; one that is starting is awaited', async () => {
    service.answer(() => ({ body: endpoint('Running') }));
    await service.client().startStreamingEndpoint(endpointId);
    service.answer(
      inTurn({ body: endpoint('Starting') }, { body: endpoint('Starting') }, { body: endpoint('Running') }),
    );
    await service.client().startStreamingEndpoint(endpointId);
    expect(service.calls.every(({ method }) => method === 'GET')).toBe(true);
  });

  test('whose operation fails, or never ends, is told', async () => {
    service.answer(inTurn({ body: endpoint('Stopped') }, accepted, { body: operation('Failed') }));
    await expect(service.client().startStreamingEndpoint(endpointId)).rejects.toMatchObject({
      code: 'operation-failed',
      message: expect.stringContaining('Busy: No capacity') as string,
    });
    service.answer(inTurn({ body: endpoint('Stopped') }, accepted, { body: operation('InProgress') }));
    await expect(service.client().startStreamingEndpoint(endpointId)).rejects.toMatchObject({
      code: 'timeout',
      retriable: true,
    });
  });
});
