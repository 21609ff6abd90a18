import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mediaServiceConfig } from '../../../src/config/media-service.ts';
import { startMediaService, type MediaService } from '../../../src/media-service/service.ts';
import {
  at,
  clientId,
  clientSecret,
  memoryLog,
  startService,
  TestClient,
  type Json,
  type RunningService,
} from '../running-service.ts';

/** Two processes' worth of one service over one storage: nothing but the storage keeps them apart. */
let running: RunningService;
let second: MediaService;
let clients: readonly [TestClient, TestClient];
let policy: Json;

beforeAll(async () => {
  running = await startService();
  second = await startMediaService({
    config: mediaServiceConfig({
      MEDIA_SERVICE_ROLES: 'api',
      MEDIA_SERVICE_ACCOUNT: 'mediaa',
      MEDIA_SERVICE_CLIENT_ID: clientId,
      MEDIA_SERVICE_CLIENT_SECRET: clientSecret,
      STORAGE_CONNECTION_STRING: running.azurite.account('mediaa').connectionString,
    }),
    log: memoryLog([]),
  });
  clients = [await TestClient.create(running), await TestClient.create({ service: second })];
  policy = await clients[0].make('AccessPolicies', { Name: 'r', DurationInMinutes: 9, Permissions: 9 });
});
afterAll(async () => {
  await second.close();
  await running.close();
});

/** The same calls at once, half to each process; the statuses in ascending order. */
async function atOnce(
  calls: number,
  call: (client: TestClient, position: number) => Promise<{ status: number }>,
): Promise<number[]> {
  const answers = await Promise.all(
    Array.from({ length: calls }, (_, position) => call(clients[position % 2 === 0 ? 0 : 1], position)),
  );
  return answers.map(({ status }) => status).sort();
}

test('of creates of one locator id at once, in one asset or in two, exactly one succeeds', async () => {
  const assets = [await clients[0].make('Assets', {}), await clients[0].make('Assets', {})];
  for (const sameAsset of [true, false]) {
    for (const type of [1, 2]) {
      const Id = `nb:lid:UUID:${crypto.randomUUID()}`;
      const statuses = await atOnce(4, (client, position) =>
        client.call('POST', 'Locators', {
          Id,
          Type: type,
          AccessPolicyId: policy['Id'],
          AssetId: assets[sameAsset ? 0 : position % 2]!['Id'],
        }),
      );
      expect(statuses).toEqual([201, 409, 409, 409]);
      const listed = await Promise.all(
        assets.map((asset) => clients[0].list(`${at('Assets', asset['Id'])}/Locators`)),
      );
      expect(listed.flat().filter((locator) => locator['Id'] === Id)).toHaveLength(1);
      expect((await clients[1].call('DELETE', at('Locators', Id))).status).toBe(204);
    }
  }
});

test('of ten SAS locators at once five are made, and the SAS of each works', async () => {
  const asset = await clients[0].make('Assets', {});
  const body = { AssetId: asset['Id'], AccessPolicyId: policy['Id'], Type: 1 };
  const statuses = await atOnce(10, (client) => client.call('POST', 'Locators', body));
  expect(statuses).toEqual([...Array<number>(5).fill(201), ...Array<number>(5).fill(409)]);
  const locators = await clients[1].list(`${at('Assets', asset['Id'])}/Locators`);
  expect(locators).toHaveLength(5);
  for (const locator of locators) {
    const blobs = new ContainerClient(String(locator['Path'])).listBlobsFlat();
    expect((await blobs.next()).done).toBe(true);
  }
});

test('of two renames to one name, and of two primary files at once, one succeeds', async () => {
  for (const change of [{ Name: 'same.mp4' }, { IsPrimary: true }]) {
    const asset = await clients[0].make('Assets', {});
    const files: Json[] = [];
    for (const name of ['a.mp4', 'b.mp4']) {
      files.push(await clients[0].make('Files', { Name: name, ParentAssetId: asset['Id'] }));
    }
    const statuses = await atOnce(2, (client, position) =>
      client.call('MERGE', at('Files', files[position]!['Id']), change),
    );
    expect(statuses).toEqual([204, 409]);
  }
});

test('twenty files made at once in one asset are all there', async () => {
  const asset = await clients[0].make('Assets', {});
  const statuses = await atOnce(20, (client, position) =>
    client.call('POST', 'Files', { Name: `${position}.bin`, ParentAssetId: asset['Id'] }),
  );
  expect(new Set(statuses)).toEqual(new Set([201]));
  expect(await clients[0].list(`${at('Assets', asset['Id'])}/Files`)).toHaveLength(20);
});

test('CreateFileInfos twice at once makes each file once', async () => {
  const asset = await clients[0].make('Assets', {});
  const writing = await clients[0].make('AccessPolicies', {
    Name: 'w',
    DurationInMinutes: 9,
    Permissions: 2,
  });
  const sas = await clients[0].make('Locators', {
    AssetId: asset['Id'],
    AccessPolicyId: writing['Id'],
    Type: 1,
  });
  const container = new ContainerClient(String(sas['Path']));
  for (let position = 0; position < 60; position++) {
    await container.getBlockBlobClient(`${position}.bin`).upload('', 0);
  }
  const statuses = await atOnce(2, (client) =>
    client.get(`CreateFileInfos?assetid='${String(asset['Id'])}'`),
  );
  expect(statuses).toEqual([204, 204]);
  const files = await clients[0].list(`${at('Assets', asset['Id'])}/Files`);
  expect(new Set(files.map((file) => file['Name'])).size).toBe(60);
  expect(files).toHaveLength(60);
});
