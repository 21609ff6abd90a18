/** The client and the project's own media service, which know each other only by the reference's rules. */
import { BlockBlobClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContainerSasUrl } from '../../src/blob-copy/container-sas.ts';
import { copyBlob } from '../../src/blob-copy/copy-blob.ts';
import { listBlobs } from '../../src/blob-copy/list.ts';
import {
  parseId,
  Permissions,
  type AccessPolicy,
  type Asset,
  type AssetFile,
} from '../../src/media-service/model.ts';
import { createMediaServices } from '../../src/media-services-client/client.ts';
import type { MediaServices } from '../../src/media-services-client/media-services.ts';
import { startFaultProxy, type FaultProxy, type SeenRequest } from '../fault-proxy.ts';
import {
  clientId,
  clientSecret,
  startService,
  type RunningService,
} from '../media-service/running-service.ts';

let running: RunningService;
let media: MediaServices;
let proxy: FaultProxy;
/** Fitting requests are done, but their answers lost, as often as is left. */
let losing = { left: 0, fits: (_: SeenRequest): boolean => false };

beforeAll(async () => {
  running = await startService();
  media = clientOf(running.service.url);
  proxy = await startFaultProxy(running.service.url, (request) =>
    losing.fits(request) && losing.left-- > 0 ? { kind: 'lose answer' } : undefined,
  );
});
afterAll(async () => {
  await proxy.close();
  await running.close();
});

function clientOf(url: string): MediaServices {
  return createMediaServices({
    mediaApi: `${url}/api/`,
    tokenUrl: `${running.service.url}/tenant/oauth2/token`,
    credentials: { tenantId: undefined, clientId, clientSecret, resource: 'https://rest.media.azure.net' },
  });
}

const fiveMinutesAgo = (): Date => new Date(Math.floor(Date.now() / 1000 - 300) * 1000);
const readPolicy = (): Promise<AccessPolicy> => media.accessPolicy({ name: 'origin', durationInMinutes: 1440, permissions: Permissions.Read }); // prettier-ignore

async function sasOf(asset: Asset, permissions: number): Promise<ContainerSasUrl> {
  const policy = await media.accessPolicy({ name: `sas ${permissions}`, durationInMinutes: 60, permissions });
  const locator = await media.createLocator({ type: 1, accessPolicyId: policy.Id, assetId: asset.Id, startTime: fiveMinutesAgo() }); // prettier-ignore
  return locator.Path as ContainerSasUrl;
}

test("an asset's files are copied by the SAS of two locators, listed, and published under a given locator id", async () => {
  const { Read, Write, List } = Permissions;
  const [source, target] = [await media.createAsset({ name: 'source' }), await media.createAsset({ name: 'target', alternateId: "it's 1" })]; // prettier-ignore
  const [from, to] = [await sasOf(source, Read | Write | List), await sasOf(target, Read | Write | List)];
  for (const name of ['my film.ism', 'my film_640x360_700.cmfv']) {
    const url = new URL(from);
    url.pathname += `/${encodeURIComponent(name)}`;
    await new BlockBlobClient(url.href).upload(name, name.length);
  }
  for await (const blob of listBlobs(from, { side: 'source' }))
    await copyBlob({ source: from, target: to, ...blob });

  expect((await media.assetsByAlternateId("it's 1")).map(({ Id }) => Id)).toEqual([target.Id]);
  expect(await media.files(target.Id)).toEqual([]);
  await media.createFileInfos(target.Id);
  await media.createFileInfos(target.Id);
  // In the order of their ids, which no rule ties to the names'.
  const byName = (left: AssetFile, right: AssetFile): number => (left.Name < right.Name ? -1 : 1);
  const files = (await media.files(target.Id)).toSorted(byName);
  expect(files.map(({ Name, ContentFileSize, IsPrimary }) => ({ Name, ContentFileSize, IsPrimary }))).toEqual(
    [
      { Name: 'my film.ism', ContentFileSize: 11, IsPrimary: false },
      { Name: 'my film_640x360_700.cmfv', ContentFileSize: 24, IsPrimary: false },
    ],
  );
  await media.updateFile(files[0]!.Id, { isPrimary: true });
  const again = (await media.files(target.Id)).toSorted(byName);
  expect(again.map(({ IsPrimary }) => IsPrimary)).toEqual([true, false]);

  const id = parseId('Locator', '0f0e0d0c-0b0a-4908-8706-050403020100')!;
  const startTime = fiveMinutesAgo();
  const wanted = {
    id,
    type: 2,
    accessPolicyId: (await readPolicy()).Id,
    assetId: target.Id,
    startTime,
  } as const;
  const created = await media.createLocator(wanted);
  expect(created).toMatchObject({ Id: id, Type: 2, StartTime: startTime });
  expect(created.Path).toMatch(/\/0f0e0d0c-0b0a-4908-8706-050403020100\/$/);
  expect(await media.locator(id)).toEqual(created);
  expect((await media.locators(target.Id)).map(({ Type }) => Type).sort()).toEqual([1, 2]);
  await expect(media.createLocator(wanted)).rejects.toMatchObject({
    code: 'conflict',
    status: 409,
    retriable: false,
  });
  await media.deleteLocator(id);
  await media.deleteLocator(id);
  expect(await media.locator(id)).toBeUndefined();
});

test('what an asset is called can change; deleted it is gone, and deleting it again is success', async () => {
  const asset = await media.createAsset({ name: 'before' });
  await media.updateAsset(asset.Id, { name: 'after', alternateId: 'film-1' });
  expect(await media.asset(asset.Id)).toMatchObject({ Name: 'after', AlternateId: 'film-1' });
  await media.deleteAsset(asset.Id);
  await media.deleteAsset(asset.Id);
  expect(await media.asset(asset.Id)).toBeUndefined();
  expect(await media.assetsByAlternateId('film-1')).toEqual([]);
});

test('assets are found by a filter', async () => {
  await media.createAsset({ name: 'filtered one' });
  await media.createAsset({ name: 'filtered two' });
  const names: (string | null)[] = [];
  for await (const { Name } of media.assets("startswith(Name, 'filtered')")) names.push(Name);
  expect(names.sort()).toEqual(['filtered one', 'filtered two']);
});

test('an access policy with the same terms is reused', async () => {
  expect((await readPolicy()).Id).toBe((await readPolicy()).Id);
});

test('a job has its task and its output; cancelled, it stays so', async () => {
  const input = await media.createAsset({ name: 'input' });
  const processor = await media.mediaProcessor('Media Encoder Standard');
  const job = await media.createJob({
    name: 'encode film-2',
    inputAssetId: input.Id,
    outputAssetName: 'Tom & "Jerry"',
    mediaProcessorId: processor.Id,
    configuration: 'Adaptive Streaming',
  });
  expect((await media.jobsByName('encode film-2')).map(({ Id }) => Id)).toEqual([job.Id]);
  expect(await media.tasks(job.Id)).toMatchObject([{ Configuration: 'Adaptive Streaming', Progress: 0 }]);
  expect(await media.outputAssets(job.Id)).toMatchObject([{ Name: 'Tom & "Jerry"', Options: 0 }]);
  await media.cancelJob(job.Id);
  await media.cancelJob(job.Id);
  expect([5, 6]).toContain((await media.job(job.Id))!.State);
});

test('the default streaming endpoint is born stopped and can be started, twice', async () => {
  const [endpoint] = await media.streamingEndpoints();
  expect(endpoint).toMatchObject({ State: 'Stopped' });
  await media.startStreamingEndpoint(endpoint!.Id);
  await media.startStreamingEndpoint(endpoint!.Id);
  expect(await media.streamingEndpoints()).toMatchObject([{ State: 'Running' }]);
});

test('a write whose answer is lost is found to have taken', async () => {
  const lossy = clientOf(`http://${proxy.host}`);
  const asset = await media.createAsset({ name: 'lossy' });
  const lose = (method: string): void => {
    losing = { left: 1, fits: (request) => request.method === method };
  };
  lose('POST');
  const id = parseId('Locator', '1f0e0d0c-0b0a-4908-8706-050403020100')!;
  const wanted = {
    id,
    type: 2,
    accessPolicyId: (await readPolicy()).Id,
    assetId: asset.Id,
    startTime: fiveMinutesAgo(),
  } as const;
  expect(await lossy.createLocator(wanted)).toMatchObject({ Id: id });
  lose('MERGE');
  await lossy.updateAsset(asset.Id, { name: 'renamed' });
  lose('DELETE');
  await lossy.deleteLocator(id);
  expect(await media.locators(asset.Id)).toEqual([]);
  lose('POST');
  await expect(lossy.createAsset({ name: 'unknown' })).rejects.toMatchObject({
    outcome: 'unknown',
    retriable: true,
  });
  expect(losing.left).toBe(0);
});

test('refusals are told as the service words them', async () => {
  const stranger = createMediaServices({
    mediaApi: `${running.service.url}/api/`,
    tokenUrl: `${running.service.url}/tenant/oauth2/token`,
    credentials: {
      tenantId: undefined,
      clientId,
      clientSecret: 'wrong',
      resource: 'https://rest.media.azure.net',
    },
  });
  await expect(stranger.streamingEndpoints()).rejects.toMatchObject({ code: 'token', retriable: false });
  const asset = await media.createAsset({ name: 'full' });
  const { Id } = await readPolicy();
  const wanted = { type: 2, accessPolicyId: Id, assetId: asset.Id, startTime: fiveMinutesAgo() } as const;
  for (let number = 0; number < 5; number += 1) await media.createLocator(wanted);
  await expect(media.createLocator(wanted)).rejects.toMatchObject({ code: 'conflict', status: 409 });
});
