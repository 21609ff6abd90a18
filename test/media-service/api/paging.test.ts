import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AssetPartitions } from '../../../src/media-service/store/asset-partition.ts';
import { mapConcurrently } from '../../../src/media-service/store/concurrency.ts';
import { timeOrderedGuid } from '../../../src/media-service/store/guids.ts';
import { valuePartition } from '../../../src/media-service/store/index-rows.ts';
import { storageClients } from '../../../src/media-service/store/storage-clients.ts';
import { at, startService, TestClient, type Json, type RunningService } from '../running-service.ts';

let running: RunningService;
let client: TestClient;
const count = 2500;
const even = valuePartition('asset', 'AlternateId', 'even');

/** Seeds the rows of 2,500 assets (their containers do not matter here), every second one named in an index. */
beforeAll(async () => {
  running = await startService();
  client = await TestClient.create(running);
  await client.get('Assets');
  const { connectionString } = running.azurite.account('mediaa');
  const clients = await storageClients({ kind: 'key', connectionString });
  const partitions = new AssetPartitions(clients.table('mediaassets'));
  const index = clients.table('mediaindex');
  const start = Date.now();
  const positions = Array.from({ length: count }, (_, position) => position);
  const guids = positions.map((position) => timeOrderedGuid(start + position));
  await mapConcurrently(positions, 32, (position) =>
    partitions.insert(guids[position]!, {
      Name: `film ${position}`,
      AlternateId: position % 2 === 0 ? 'even' : 'odd',
      Options: 0,
      Created: new Date(start + position),
      LastModified: new Date(start + position),
    }),
  );
  const evenGuids = guids.filter((_, position) => position % 2 === 0);
  for (let from = 0; from < evenGuids.length; from += 100) {
    await index.transact(
      evenGuids.slice(from, from + 100).map((guid) => ['create', { partitionKey: even, rowKey: guid }]),
    );
  }
});
afterAll(() => running.close());

/** Follows the links of a list to its end. */
async function pages(path: string): Promise<Json[][]> {
  const found: Json[][] = [];
  for (let link: string | undefined = path; link !== undefined;) {
    const answer = await client.get(link);
    expect(answer.status).toBe(200);
    found.push(answer.json['value'] as Json[]);
    link = answer.json['odata.nextLink'] as string | undefined;
  }
  return found;
}

const sizes = (all: Json[][]): number[] => all.map((page) => page.length);
const distinct = (all: Json[][]): number => new Set(all.flat().map((asset) => asset['Id'])).size;

test('2,500 assets come in pages of 1,000 in the order of their creation, each once', async () => {
  const all = await pages('Assets');
  expect(sizes(all)).toEqual([1000, 1000, 500]);
  expect(distinct(all)).toBe(count);
  expect(all.flat().map((asset) => asset['Name'])).toEqual(
    Array.from({ length: count }, (_, position) => `film ${position}`),
  );
});

test('every page asks the storage as often as the first', async () => {
  // The storage libraries send through node:http, the test's own requests do not.
  let requests = 0;
  const counting = (): void => {
    requests++;
  };
  subscribe('http.client.request.start', counting);
  const costs: number[] = [];
  try {
    for (let link: string | undefined = 'Assets'; link !== undefined;) {
      requests = 0;
      link = (await client.get(link)).json['odata.nextLink'] as string | undefined;
      costs.push(requests);
    }
  } finally {
    unsubscribe('http.client.request.start', counting);
  }
  expect(costs).toHaveLength(3);
  for (const cost of costs) {
    expect(cost).toBeGreaterThan(0);
    expect(cost).toBeLessThanOrEqual(2);
  }
});

test('$top above a page, $skip, a filter without an index, and an order of one’s own', async () => {
  expect(sizes(await pages('Assets?$top=1500&$select=Id'))).toEqual([1000, 500]);
  const skipped = await pages('Assets?$skip=1200');
  expect([distinct(skipped), skipped[0]?.length]).toEqual([1300, 1000]);
  const some = await pages("Assets?$filter=endswith(Name,'7')&$top=200");
  expect([distinct(some), some.length]).toEqual([200, 1]);
  const ordered = await pages('Assets?$orderby=Name desc&$top=1100');
  const names = ordered.flat().map((asset) => String(asset['Name']));
  expect(sizes(ordered)).toEqual([1000, 100]);
  expect(names).toEqual([...names].sort().reverse());
});

test('a filter with an index reads what it names, page by page', async () => {
  const all = await pages("Assets?$filter=AlternateId eq 'even'&$select=Id");
  expect(sizes(all)).toEqual([1000, 250]);
  expect(distinct(all)).toBe(1250);
});

test('CreateFileInfos makes 1,200 files, and they page by their ids, the same way each time', async () => {
  const asset = await client.make('Assets', { Name: 'many files' });
  const container = BlobServiceClient.fromConnectionString(
    running.azurite.account('mediaa').connectionString,
  ).getContainerClient(`asset-${String(asset['Id']).slice(-36)}`);
  await mapConcurrently(
    Array.from({ length: 1200 }, (_, position) => position),
    32,
    (position) => container.getBlockBlobClient(`file ${position}.bin`).upload('x', 1),
  );
  expect((await client.get(`CreateFileInfos?assetid='${String(asset['Id'])}'`)).status).toBe(204);
  const files = `${at('Assets', asset['Id'])}/Files`;
  const all = await pages(files);
  expect([sizes(all), distinct(all)]).toEqual([[1000, 200], 1200]);
  const ids = all.flat().map((one) => String(one['Id']));
  expect(ids).toEqual([...ids].sort());
  expect(await pages(files)).toEqual(all);
  const [file] = all[1]!;
  expect((await client.get(at('Files', file!['Id']))).json['Name']).toBe(file!['Name']);
});
