/** The amounts that the project promises: 2,000 blobs of 4 KiB and one of 2 GiB, by SAS, in bounded memory. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blockSize, uploadLarge, uploadMany } from '../../bench/copy-data.ts';
import type { BlobSummary } from '../../src/blob-copy/container-sas.ts';
import { hashBlob } from '../../src/blob-copy/hash-blob.ts';
import { listBlobs } from '../../src/blob-copy/list.ts';
import { copyInProcess } from '../blob-copy/copy-process.ts';
import { startStorages, type Storages, type TestContainer } from '../two-storages.ts';

const [many, largeBlocks] = [2000, 256];
const mebibyte = 2 ** 20;
/** Bytes above what the program needs when it does nothing; a large blob in memory would be 2 GiB. */
const bound = 160 * mebibyte;

async function listed(container: TestContainer): Promise<BlobSummary[]> {
  const blobs: BlobSummary[] = [];
  for await (const blob of listBlobs(container.sas('rl'), { side: 'source' })) blobs.push(blob);
  return blobs;
}

/** Name, size and MD5: what must be the same on both sides. */
const contents = (blobs: readonly BlobSummary[]): string[] =>
  blobs.map(({ name, size, md5 }) => `${name} ${size} ${md5 ?? ''}`);

describe.each([
  { where: 'between two accounts of one storage', apart: false, manyWay: 'server-side' },
  { where: 'between two storages that cannot read each other', apart: true, manyWay: 'streamed' },
])('$where', ({ apart, manyWay }) => {
  let storages: Storages;
  beforeAll(async () => {
    storages = await startStorages({ apart });
  });
  afterAll(() => storages.close());

  test(`${many} blobs of 4 KiB`, async () => {
    const [source, target] = [await storages.container('one'), await storages.container('two')];
    await uploadMany(source.client, many);
    const copied = await copyInProcess({
      source: source.sas('rl'),
      target: target.sas('rwl'),
      way: 'server-side first',
      parallel: 32,
    });
    expect(copied).toMatchObject({ blobs: many, bytes: many * 4096, ways: [manyWay] });
    expect(contents(await listed(target))).toEqual(contents(await listed(source)));
    report(`${many} blobs of 4 KiB`, copied);
    if (copied.memory !== undefined) expect(copied.memory.peak - copied.memory.base).toBeLessThan(bound);
  });

  test('one blob of 2 GiB', async () => {
    const [source, target] = [await storages.container('one'), await storages.container('two')];
    const md5 = await uploadLarge(source.client, largeBlocks);
    const copied = await copyInProcess({
      source: source.sas('rl'),
      target: target.sas('rwl'),
      way: 'server-side first',
      parallel: 32,
    });
    expect(copied).toMatchObject({ blobs: 1, bytes: largeBlocks * blockSize, ways: ['streamed'] });
    report('one blob of 2 GiB', copied);
    if (copied.memory !== undefined) expect(copied.memory.peak - copied.memory.base).toBeLessThan(bound);
    const [there] = await listed(target);
    expect(await hashBlob(target.sas('rl'), there!.name, { side: 'target' })).toMatchObject({
      size: 2 ** 31,
      md5,
      bytesMd5: md5,
    });
  });

  function report(work: string, { took, memory }: Awaited<ReturnType<typeof copyInProcess>>): void {
    const mebibytes = (bytes: number | undefined): string => ((bytes ?? 0) / mebibyte).toFixed(0);
    console.log(
      `${where(apart)}, ${work}: ${(took / 1000).toFixed(1)} s, peak ${mebibytes(memory?.peak)} MiB (${mebibytes(memory?.base)} when idle)`,
    );
  }
});

function where(apart: boolean): string {
  return apart ? 'two storages' : 'one storage';
}
