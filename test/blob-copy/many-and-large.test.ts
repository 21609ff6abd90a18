import { afterAll, beforeAll, expect, test } from 'vitest';
import { uploadLarge } from '../../bench/copy-data.ts';
import type { BlobSummary } from '../../src/blob-copy/container-sas.ts';
import { listBlobs } from '../../src/blob-copy/list.ts';
import { planCopy } from '../../src/blob-copy/plan.ts';
import { inLanes } from '../../src/blob-copy/lanes.ts';
import { startStorages, type Storages, type TestContainer } from '../two-storages.ts';
import { copyInProcess } from './copy-process.ts';

const mebibyte = 2 ** 20;
let storages: Storages;
beforeAll(async () => {
  storages = await startStorages();
});
afterAll(() => storages.close());

async function listed(container: TestContainer, pageSize = 5000): Promise<BlobSummary[]> {
  const blobs: BlobSummary[] = [];
  for await (const blob of listBlobs(container.sas('rl'), { side: 'source', pageSize })) blobs.push(blob);
  return blobs;
}

test('a large blob is streamed in memory that does not depend on its size', async () => {
  const [source, target] = [await storages.container('one'), await storages.container('two')];
  const md5 = await uploadLarge(source.client, 30);

  const copied = await copyInProcess({
    source: source.sas('rl'),
    target: target.sas('rwl'),
    way: 'streamed',
    parallel: 1,
  });
  expect(copied).toMatchObject({ blobs: 1, bytes: 240 * mebibyte, ways: ['streamed'] });
  expect(await listed(target)).toMatchObject([{ size: 240 * mebibyte, md5 }]);
  if (copied.memory !== undefined) {
    expect(copied.memory.peak - copied.memory.base).toBeLessThan(140 * mebibyte);
  }
});

test('blobs are listed page by page and planned; once copied, a second run finds nothing to do', async () => {
  const [source, target] = [await storages.container('one'), await storages.container('two')];
  const names = Array.from({ length: 250 }, (_, index) => `fragment ${index}.m4s`);
  await inLanes(names, 16, undefined, async (name) => {
    await source.client.getBlockBlobClient(name).upload(name, name.length);
  });
  const before = await listed(source, 60);
  expect(before.map(({ name }) => name)).toEqual([...names].sort());
  expect(planCopy(before, []).copy).toHaveLength(names.length);

  const copy = {
    source: source.sas('rl'),
    target: target.sas('rwl'),
    way: 'server-side first',
    parallel: 16,
  } as const;
  expect(await copyInProcess(copy)).toMatchObject({ blobs: names.length, ways: ['server-side'] });
  expect(await copyInProcess(copy)).toMatchObject({ blobs: 0, bytes: 0 });
});
