import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mapConcurrently } from '../../../src/media-service/store/concurrency.ts';
import type { Json, RunningService } from '../running-service.ts';
import { at, startService, TestClient } from '../running-service.ts';

let running: RunningService;
let client: TestClient;
const count = 2500;

beforeAll(async () => {
  running = await startService();
  client = await TestClient.create(running);
  await mapConcurrently(
    Array.from({ length: count }, (_, position) => position),
    16,
    (position) =>
      client.make('Assets', { Name: `film ${position}`, AlternateId: position % 2 === 0 ? 'even' : 'odd' }),
  );
}, 180_000);
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

const distinct = (all: Json[][]): number => new Set(all.flat().map((asset) => asset['Id'])).size;

test('2,500 assets come in pages of 1,000, each once', async () => {
  const all = await pages('Assets');
  expect(all.map((page) => page.length)).toEqual([1000, 1000, 500]);
  expect(distinct(all)).toBe(count);
});

test('$top above a page, $skip, a filter with an index and one without, and an order of one’s own', async () => {
  const top = await pages('Assets?$top=1500&$select=Id');
  expect(top.map((page) => page.length)).toEqual([1000, 500]);
  const skipped = await pages('Assets?$skip=1200');
  expect([distinct(skipped), skipped[0]?.length]).toEqual([1300, 1000]);
  const even = await pages("Assets?$filter=AlternateId eq 'even'&$select=Id,Name");
  expect([distinct(even), even.length]).toEqual([1250, 2]);
  const some = await pages("Assets?$filter=endswith(Name,'7')&$top=200");
  expect([distinct(some), some.length]).toEqual([200, 1]);
  const ordered = await pages('Assets?$orderby=Name desc&$top=1100');
  const names = ordered.flat().map((asset) => String(asset['Name']));
  expect(ordered.map((page) => page.length)).toEqual([1000, 100]);
  expect(names).toEqual([...names].sort().reverse());
});

test('the last page costs no more than the first', async () => {
  const timed = async (path: string): Promise<[number, string | undefined]> => {
    const start = performance.now();
    const answer = await client.get(path);
    return [performance.now() - start, answer.json['odata.nextLink'] as string | undefined];
  };
  const first: number[] = [];
  const last: number[] = [];
  for (let round = 0; round < 3; round++) {
    const [firstTime, link] = await timed('Assets?$top=2400');
    const [, nextLink] = await timed(link!);
    const [lastTime] = await timed(nextLink!);
    first.push(firstTime);
    // The last page has 400 of them.
    last.push(lastTime);
  }
  expect(Math.min(...last)).toBeLessThan(Math.min(...first) * 2);
});

test('CreateFileInfos makes 2,000 files, and they page', async () => {
  const asset = await client.make('Assets', { Name: 'many files' });
  const container = BlobServiceClient.fromConnectionString(
    running.azurite.account('mediaa').connectionString,
  ).getContainerClient(`asset-${String(asset['Id']).slice(-36)}`);
  await mapConcurrently(
    Array.from({ length: 2000 }, (_, position) => position),
    32,
    (position) => container.getBlockBlobClient(`file ${position}.bin`).upload('x', 1),
  );
  expect((await client.get(`CreateFileInfos?assetid='${String(asset['Id'])}'`)).status).toBe(204);
  const all = await pages(`${at('Assets', asset['Id'])}/Files`);
  expect([all.length, distinct(all)]).toEqual([2, 2000]);
  const [file] = all[1]!;
  expect((await client.get(at('Files', file!['Id']))).json['Name']).toBe(file!['Name']);
});
