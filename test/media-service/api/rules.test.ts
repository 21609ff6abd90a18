import { BlobServiceClient, ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at, startService, TestClient, type Json, type RunningService } from '../running-service.ts';

let running: RunningService;
let client: TestClient;
let readPolicy: Json;
let writePolicy: Json;

beforeAll(async () => {
  running = await startService();
  client = await TestClient.create(running);
  readPolicy = await client.make('AccessPolicies', {
    Name: 'read',
    DurationInMinutes: 600,
    Permissions: 9,
  });
  writePolicy = await client.make('AccessPolicies', {
    Name: 'write',
    DurationInMinutes: 600,
    Permissions: 11,
  });
});
afterAll(() => running.close());

const locatorBody = (asset: Json, more: Json = {}): Json => ({
  AssetId: asset['Id'],
  AccessPolicyId: readPolicy['Id'],
  Type: 2,
  ...more,
});
const status = async (answer: Promise<{ status: number }>): Promise<number> => (await answer).status;

describe('locators', () => {
  test('an asset has five at most, of whatever type; the sixth is 409', async () => {
    const asset = await client.make('Assets', {});
    for (const type of [1, 2, 1, 2, 1]) await client.make('Locators', locatorBody(asset, { Type: type }));
    expect(await status(client.call('POST', 'Locators', locatorBody(asset)))).toBe(409);
    expect(await status(client.call('POST', 'Locators', locatorBody(asset, { Type: 1 })))).toBe(409);
    const [first] = await client.list(`${at('Assets', asset['Id'])}/Locators`);
    expect(await status(client.call('DELETE', at('Locators', first!['Id'])))).toBe(204);
    expect(await status(client.call('POST', 'Locators', locatorBody(asset)))).toBe(201);
  });

  test('an origin locator gives neither write nor delete', async () => {
    const asset = await client.make('Assets', {});
    for (const permissions of [2, 3, 4, 5, 15]) {
      const policy = await client.make('AccessPolicies', {
        Name: 'too much',
        DurationInMinutes: 1,
        Permissions: permissions,
      });
      const body = locatorBody(asset, { AccessPolicyId: policy['Id'] });
      expect(await status(client.call('POST', 'Locators', body))).toBe(400);
    }
    expect(await client.list(`${at('Assets', asset['Id'])}/Locators`)).toEqual([]);
  });

  test('a SAS locator never changes; an origin locator’s times do', async () => {
    const asset = await client.make('Assets', {});
    const sas = await client.make('Locators', locatorBody(asset, { Type: 1 }));
    const change = { ExpirationDateTime: '2030-01-01T00:00:00Z' };
    expect(await status(client.call('MERGE', at('Locators', sas['Id']), change))).toBe(400);
    const origin = await client.make('Locators', locatorBody(asset));
    expect(await status(client.call('MERGE', at('Locators', origin['Id']), change))).toBe(204);
    const after = (await client.get(at('Locators', origin['Id']))).json;
    expect(after['ExpirationDateTime']).toBe('2030-01-01T00:00:00.000Z');
    expect(after['Path']).toBe(origin['Path']);
    // What was read may be sent back whole; what is write-once may not change.
    expect(await status(client.call('PUT', at('Locators', origin['Id']), after))).toBe(204);
    const other = { Id: 'nb:lid:UUID:11111111-2222-4333-8444-555555555555' };
    expect(await status(client.call('MERGE', at('Locators', origin['Id']), other))).toBe(400);
    expect(await status(client.call('MERGE', at('Locators', origin['Id']), { Type: 1 }))).toBe(400);
  });

  test('an id is taken once, in any spelling and whatever the asset; deleted, it is free again', async () => {
    const [one, two] = [await client.make('Assets', {}), await client.make('Assets', {})];
    const guid = 'ABCDEF01-2345-4678-9ABC-DEF012345678';
    const made = await client.make('Locators', locatorBody(one, { Id: guid }));
    expect(made['Id']).toBe(`nb:lid:UUID:${guid.toLowerCase()}`);
    for (const [asset, id] of [
      [one, guid],
      [two, guid.toLowerCase()],
      [two, `nb:lid:UUID:${guid}`],
    ] as const) {
      expect(await status(client.call('POST', 'Locators', locatorBody(asset, { Id: id })))).toBe(409);
    }
    expect((await client.get(at('Locators', guid))).json['AssetId']).toBe(one['Id']);
    expect(await status(client.call('DELETE', at('Locators', made['Id'])))).toBe(204);
    expect(await status(client.call('DELETE', at('Locators', made['Id'])))).toBe(404);
    const again = await client.make('Locators', locatorBody(two, { Id: guid }));
    expect(again).toMatchObject({ Id: made['Id'], AssetId: two['Id'], Path: made['Path'] });
    // Deleting its asset frees an id, too.
    expect(await status(client.call('DELETE', at('Assets', two['Id'])))).toBe(204);
    expect(await status(client.get(at('Locators', guid)))).toBe(404);
    await client.make('Locators', locatorBody(one, { Id: guid }));
  });

  test('what they name must exist', async () => {
    const asset = await client.make('Assets', {});
    const nowhere = '00000000-0000-4000-8000-000000000000';
    const noAsset = locatorBody({ Id: `nb:cid:UUID:${nowhere}` });
    expect(await status(client.call('POST', 'Locators', noAsset))).toBe(404);
    const noPolicy = locatorBody(asset, { AccessPolicyId: `nb:pid:UUID:${nowhere}` });
    expect(await status(client.call('POST', 'Locators', noPolicy))).toBe(404);
    const noType = { ...locatorBody(asset), Type: 3 };
    expect(await status(client.call('POST', 'Locators', noType))).toBe(400);
  });

  test('deleting a SAS locator revokes its SAS and no other', async () => {
    const asset = await client.make('Assets', {});
    const body = locatorBody(asset, { Type: 1, AccessPolicyId: writePolicy['Id'] });
    const [first, second] = [await client.make('Locators', body), await client.make('Locators', body)];
    const container = (locator: Json): ContainerClient => new ContainerClient(String(locator['Path']));
    await container(first).getBlockBlobClient('a.bin').upload('a', 1);
    expect(await status(client.call('DELETE', at('Locators', first['Id'])))).toBe(204);
    await expect(container(first).getBlockBlobClient('a.bin').getProperties()).rejects.toMatchObject({
      statusCode: 403,
    });
    await expect(container(second).getBlockBlobClient('b.bin').upload('b', 1)).resolves.toBeDefined();
  });
});

describe('assets and files', () => {
  test('a file name is taken once in an asset; renaming keeps the rule', async () => {
    const asset = await client.make('Assets', {});
    const file = { Name: 'film.mp4', ParentAssetId: asset['Id'] };
    const made = await client.make('Files', file);
    expect(await status(client.call('POST', 'Files', file))).toBe(409);
    const other = await client.make('Files', { ...file, Name: 'other.mp4' });
    const rename = { Name: 'film.mp4' };
    expect(await status(client.call('MERGE', at('Files', other['Id']), rename))).toBe(409);
    expect(await status(client.call('MERGE', at('Files', made['Id']), { Name: 'new name.mp4' }))).toBe(204);
    expect(await status(client.call('MERGE', at('Files', other['Id']), rename))).toBe(204);
    expect(await status(client.call('DELETE', at('Files', other['Id'])))).toBe(204);
    await client.make('Files', file);
  });

  test('an asset has one primary file', async () => {
    const asset = await client.make('Assets', {});
    const make = (name: string, primary: boolean): Promise<Json> =>
      client.make('Files', { Name: name, ParentAssetId: asset['Id'], IsPrimary: primary });
    const [first, second] = [await make('a.ism', true), await make('b.ism', false)];
    const primary = { IsPrimary: true };
    expect(await status(client.call('MERGE', at('Files', second['Id']), primary))).toBe(409);
    expect(await status(client.call('MERGE', at('Files', first['Id']), primary))).toBe(204);
    await expect(make('c.ism', true)).rejects.toThrow('409');
    expect(await status(client.call('MERGE', at('Files', first['Id']), { IsPrimary: false }))).toBe(204);
    expect(await status(client.call('MERGE', at('Files', second['Id']), primary))).toBe(204);
    const files = await client.list(`${at('Assets', asset['Id'])}/Files`);
    expect(files.filter((file) => file['IsPrimary'] === true).map((file) => file['Name'])).toEqual(['b.ism']);
  });

  test('bad names, sizes and lengths are refused', async () => {
    const asset = await client.make('Assets', {});
    const unprintable = ['a\u0000.mp4', 'rtl\u202e4pm.mp4', 'c1\u009b.mp4', '\ud800.mp4'];
    const reserved = ['a/b.mp4', 'a%20.mp4', 'a\\b.mp4'];
    for (const name of ['', '.', 'two.dots.mp4', 'x'.repeat(261), ...reserved, ...unprintable]) {
      const body = { Name: name, ParentAssetId: asset['Id'] };
      expect(await status(client.call('POST', 'Files', body))).toBe(400);
    }
    expect(await status(client.call('POST', 'Assets', { Name: 'x'.repeat(513) }))).toBe(400);
    expect(await status(client.call('POST', 'Assets', { AlternateId: 'x'.repeat(4001) }))).toBe(400);
    expect(await status(client.call('POST', 'Assets', { Options: 3 }))).toBe(400);
    const long = await client.make('Assets', { Name: 'ü'.repeat(512), AlternateId: 'x'.repeat(4000) });
    const [found] = await client.list(`Assets?$filter=AlternateId eq '${'x'.repeat(4000)}'`);
    expect(found?.['Id']).toBe(long['Id']);
  });

  test('MERGE changes what is given, PUT the rest too; write-once properties stay', async () => {
    const asset = await client.make('Assets', { Name: 'one', AlternateId: 'id-1' });
    const path = at('Assets', asset['Id']);
    expect(await status(client.call('MERGE', path, { Name: 'two' }))).toBe(204);
    expect((await client.get(path)).json).toMatchObject({ Name: 'two', AlternateId: 'id-1' });
    expect(await client.list("Assets?$filter=Name eq 'one'")).toEqual([]);
    expect(await client.list("Assets?$filter=Name eq 'two'")).toHaveLength(1);
    expect(await status(client.call('PUT', path, { Name: 'three' }))).toBe(204);
    expect((await client.get(path)).json).toMatchObject({ Name: 'three', AlternateId: null });
    expect(await status(client.call('PATCH', path, { Options: 1 }))).toBe(400);
    expect(await status(client.call('MERGE', path, (await client.get(path)).json))).toBe(204);
  });

  test('deleting an asset takes its container along, unless it is to be kept; its SAS end in both cases', async () => {
    const blobs = BlobServiceClient.fromConnectionString(running.azurite.account('mediaa').connectionString);
    for (const keep of [false, true]) {
      const asset = await client.make('Assets', {});
      await client.make('Files', { Name: 'a.bin', ParentAssetId: asset['Id'] });
      const sas = await client.make('Locators', locatorBody(asset, { Type: 1 }));
      const query = keep ? '?keepcontainer=true' : '';
      expect(await status(client.call('DELETE', at('Assets', asset['Id']) + query))).toBe(204);
      const container = blobs.getContainerClient(`asset-${String(asset['Id']).slice(-36)}`);
      expect(await container.exists()).toBe(keep);
      const listing = new ContainerClient(String(sas['Path'])).listBlobsFlat().next();
      await expect(listing).rejects.toMatchObject({ statusCode: 403 });
      expect(await status(client.get(at('Locators', sas['Id'])))).toBe(404);
      expect(await client.list(`Files?$filter=ParentAssetId eq '${String(asset['Id'])}'`)).toEqual([]);
    }
  });

  test('CreateFileInfos says which blob has a name that no file can have, and makes none', async () => {
    const asset = await client.make('Assets', {});
    const container = BlobServiceClient.fromConnectionString(
      running.azurite.account('mediaa').connectionString,
    ).getContainerClient(`asset-${String(asset['Id']).slice(-36)}`);
    for (const name of ['film.mp4', 'red\u009b31m\t.mp4'])
      await container.getBlockBlobClient(name).upload('', 0);
    const answer = await client.get(`CreateFileInfos?assetid='${encodeURIComponent(String(asset['Id']))}'`);
    expect([answer.status, answer.text]).toEqual([
      400,
      expect.stringContaining(String.raw`'red\\u{9b}31m\\u{9}.mp4'`),
    ]);
    expect(await client.list(`${at('Assets', asset['Id'])}/Files`)).toEqual([]);
  });

  test('CreateFileInfos needs the asset and its container', async () => {
    const path = (id: unknown): string => `CreateFileInfos?assetid='${encodeURIComponent(String(id))}'`;
    expect(await status(client.get(path('nb:cid:UUID:00000000-0000-4000-8000-000000000000')))).toBe(404);
    expect(await status(client.get('CreateFileInfos'))).toBe(400);
    const asset = await client.make('Assets', {});
    await BlobServiceClient.fromConnectionString(running.azurite.account('mediaa').connectionString)
      .getContainerClient(`asset-${String(asset['Id']).slice(-36)}`)
      .delete();
    expect(await status(client.get(path(asset['Id'])))).toBe(409);
    expect(await status(client.call('POST', 'Locators', locatorBody(asset, { Type: 1 })))).toBe(409);
  });
});

describe('jobs', () => {
  const body = (asset: unknown, changes: { task?: Json; xml?: string } = {}): Json => ({
    Name: 'job',
    'InputMediaAssets@odata.bind': [`${running.api}${at('Assets', asset)}`],
    Tasks: [
      {
        Configuration: 'Adaptive Streaming',
        MediaProcessorId: 'nb:mpid:UUID:ff4df607-d419-42f0-bc17-a481b1331e56',
        TaskBody:
          changes.xml ??
          '<taskBody><inputAsset>JobInputAsset(0)</inputAsset><outputAsset assetCreationOptions="0" ' +
            'assetName="film &amp; more">JobOutputAsset(0)</outputAsset></taskBody>',
        ...changes.task,
      },
    ],
  });

  test('the output asset is there from the start, named and unencrypted as asked', async () => {
    const asset = await client.make('Assets', {});
    const job = await client.make('Jobs', body(asset['Id']));
    expect(await client.list(`${at('Jobs', job['Id'])}/OutputMediaAssets`)).toMatchObject([
      { Name: 'film & more', Options: 0 },
    ]);
    expect(await client.list("Jobs?$filter=Name eq 'job' and State eq 0")).toHaveLength(1);
  });

  test('what cannot be run is refused when it is created, and makes nothing', async () => {
    const asset = await client.make('Assets', {});
    const before = await client.list('Assets');
    const nowhere = 'nb:cid:UUID:00000000-0000-4000-8000-000000000000';
    expect(await status(client.call('POST', 'Jobs', body(nowhere)))).toBe(404);
    const refused: [Json, number][] = [
      [body(asset['Id'], { task: { MediaProcessorId: nowhere.replace('cid', 'mpid') } }), 404],
      [body(asset['Id'], { task: { Configuration: '' } }), 400],
      [body(asset['Id'], { task: { Configuration: 'x'.repeat(40_000) } }), 400],
      [body(asset['Id'], { xml: 'no XML' }), 400],
      [body(asset['Id'], { xml: '<taskBody/>' }), 400],
      [body(asset['Id'], { xml: '<!DOCTYPE x [<!ENTITY y "z">]><taskBody/>' }), 400],
      [
        body(asset['Id'], {
          xml: '<taskBody><inputAsset>JobInputAsset(1)</inputAsset><outputAsset>JobOutputAsset(0)</outputAsset></taskBody>',
        }),
        400,
      ],
      [{ ...body(asset['Id']), Tasks: [] }, 400],
      [{ ...body(asset['Id']), Colour: 'red' }, 400],
      [{ ...body(asset['Id']), 'InputMediaAssets@odata.bind': ['nonsense'] }, 400],
    ];
    for (const [wrong, expected] of refused) {
      expect(await status(client.call('POST', 'Jobs', wrong))).toBe(expected);
    }
    expect(await client.list('Assets')).toHaveLength(before.length);
  });

  test('a queued job is canceled at once, and once; only a job that has ended is deleted', async () => {
    const asset = await client.make('Assets', {});
    const job = await client.make('Jobs', body(asset['Id']));
    const path = at('Jobs', job['Id']);
    expect(await status(client.call('DELETE', path))).toBe(400);
    const cancel = `CancelJob?jobid='${encodeURIComponent(String(job['Id']))}'`;
    expect(await status(client.get(cancel))).toBe(204);
    const [task] = await client.list(`${path}/Tasks`);
    expect((await client.get(path)).json['State']).toBe(5);
    expect(task).toMatchObject({ State: 5 });
    expect(await status(client.get(cancel))).toBe(400);
    expect(await status(client.call('DELETE', path))).toBe(204);
    expect(await status(client.get(path))).toBe(404);
    expect(await status(client.get(at('Tasks', task!['Id'])))).toBe(404);
    expect(await status(client.get(cancel))).toBe(404);
  });
});

test('an access policy needs a name, a duration and known permissions', async () => {
  const good = { Name: 'p', DurationInMinutes: 1.5, Permissions: 1 };
  const made = await client.make('AccessPolicies', good);
  expect(made['DurationInMinutes']).toBe(1.5);
  for (const wrong of [
    { ...good, Name: null },
    { ...good, DurationInMinutes: 0 },
    { ...good, DurationInMinutes: 'long' },
    { ...good, Permissions: 16 },
    { DurationInMinutes: 1 },
  ]) {
    expect(await status(client.call('POST', 'AccessPolicies', wrong))).toBe(400);
  }
  expect(await status(client.call('MERGE', at('AccessPolicies', made['Id']), good))).toBe(405);
  expect(await status(client.call('DELETE', at('AccessPolicies', made['Id'])))).toBe(204);
  expect(await status(client.get(at('AccessPolicies', made['Id'])))).toBe(404);
});
