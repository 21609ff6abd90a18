import { BlobServiceClient, ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientId, clientSecret, startService, type Json, type RunningService } from '../running-service.ts';

/** The REST half of the original walkthrough's C# program, request by request as it sends them. */
let running: RunningService;
let token = '';

beforeAll(async () => {
  running = await startService();
});
afterAll(() => running.close());

async function send(method: string, path: string, body?: string): Promise<{ status: number; d: Json }> {
  const response = await fetch(running.api + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      Accept: 'application/json;odata=verbose',
      DataServiceVersion: '3.0',
      MaxDataServiceVersion: '3.0',
      'x-ms-version': '2.1',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json;odata=verbose' }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const json = text === '' ? {} : (JSON.parse(text) as { d?: Json });
  return { status: response.status, d: 'd' in json ? (json.d ?? {}) : json };
}

test('a token comes from an address ending in /v2/OAuth2-13', async () => {
  const response = await fetch(`${running.service.url}/v2/OAuth2-13`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body:
      `grant_type=client_credentials&client_id=${encodeURIComponent(clientId)}` +
      `&client_secret=${encodeURIComponent(clientSecret)}&scope=urn%3aWindowsAzureMediaServices`,
  });
  expect(response.status).toBe(200);
  const answer = (await response.json()) as Record<string, string>;
  expect(answer).toMatchObject({ expires_in: '3599', scope: 'urn:WindowsAzureMediaServices' });
  token = answer['access_token'] ?? '';
});

test('a locator with its id is replicated: empty asset, write SAS, blobs, CreateFileInfos, origin locator', async () => {
  const asset = await send('POST', 'Assets', '{ "Name" : "replica", "Options" : "0" }');
  expect(asset.status).toBe(201);
  const assetId = String(asset.d['Id']);
  const policy = await send(
    'POST',
    'AccessPolicies',
    '{ "Name" : "write", "DurationInMinutes" : "440", "Permissions" : "2" }',
  );
  expect(policy.status).toBe(201);
  const sas = await send(
    'POST',
    'Locators',
    JSON.stringify({ AccessPolicyId: policy.d['Id'], AssetId: assetId, Type: 1 }),
  );
  expect(sas.status).toBe(201);
  const container = new ContainerClient(String(sas.d['Path']));
  for (const name of ['film.ism', 'film_640x360_700.cmfv', 'empty.txt']) {
    const text = name === 'empty.txt' ? '' : name;
    await container.getBlockBlobClient(name).upload(text, text.length);
  }

  const infos = await send('GET', `CreateFileInfos?assetid='${encodeURIComponent(assetId)}'`);
  expect(infos.status).toBe(204);
  const files = await send('GET', `Assets('${encodeURIComponent(assetId)}')/Files`);
  const names = (files.d['results'] as Json[]).map((file) => [file['Name'], file['ContentFileSize']]);
  expect(names.sort()).toEqual([
    ['empty.txt', '0'],
    ['film.ism', '8'],
    ['film_640x360_700.cmfv', '21'],
  ]);

  const readPolicy = await send(
    'POST',
    'AccessPolicies',
    '{ "Name" : "read", "DurationInMinutes" : "43200", "Permissions" : 1 }',
  );
  const id = 'nb:lid:UUID:0E9C4A3D-56B8-4D3B-9F3F-2F8B1F1A7C11';
  const origin = await send(
    'POST',
    'Locators',
    `{ "AssetId" : "${assetId}", "AccessPolicyId" : "${String(readPolicy.d['Id'])}", "Type" : "2", ` +
      `"StartTime" : "11/22/2026 8:51:29 AM", "Id" : "${id}" }`,
  );
  expect(origin.status).toBe(201);
  const guid = id.slice(-36).toLowerCase();
  expect(origin.d).toMatchObject({
    Id: `nb:lid:UUID:${guid}`,
    Type: 2,
    Path: `${running.service.url}/${guid}/`,
    StartTime: `/Date(${Date.UTC(2026, 10, 22, 8, 51, 29)})/`,
    ExpirationDateTime: `/Date(${Date.UTC(2026, 11, 22, 8, 51, 29)})/`,
  });

  const sasPath = `Locators('${encodeURIComponent(String(sas.d['Id']))}')`;
  expect((await send('DELETE', sasPath)).status).toBe(204);
  expect((await send('GET', sasPath)).status).toBe(404);
  await expect(container.getBlobClient('film.ism').download()).rejects.toMatchObject({ statusCode: 403 });

  const blobs = BlobServiceClient.fromConnectionString(running.azurite.account('mediaa').connectionString);
  const assetContainer = blobs.getContainerClient(`asset-${assetId.slice(-36)}`);
  expect((await send('DELETE', `Assets('${encodeURIComponent(assetId)}')`)).status).toBe(204);
  expect(await assetContainer.exists()).toBe(false);
});
