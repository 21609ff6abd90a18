import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { copyBlob, type BlobCopy } from '../../src/blob-copy/copy-blob.ts';
import { BlobCopyError } from '../../src/blob-copy/errors.ts';
import { listBlobs } from '../../src/blob-copy/list.ts';
import { planCopy } from '../../src/blob-copy/plan.ts';
import { ServerSideRefusals } from '../../src/blob-copy/refusals.ts';
import type { BlobSummary } from '../../src/blob-copy/container-sas.ts';
import { startStorages, type Storages, type TestContainer } from '../two-storages.ts';

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');
const names = ['plain.mp4', 'my film (1).mp4', 'höhe ü 映画.mp4', 'a#b.mp4', '100%.mp4', '%41.mp4', 'in/a folder/x+y&z.mp4', "it's?.mp4"]; // prettier-ignore

async function listed(container: TestContainer): Promise<BlobSummary[]> {
  const blobs: BlobSummary[] = [];
  for await (const blob of listBlobs(container.sas('rl'), { side: 'source' })) blobs.push(blob);
  return blobs;
}

describe.each([
  { where: 'between two accounts that may read each other', apart: false, way: 'server-side' },
  { where: 'between two storages that may not', apart: true, way: 'streamed' },
] as const)('$where', ({ apart, way }) => {
  let storages: Storages;
  let source: TestContainer;
  let target: TestContainer;
  beforeAll(async () => {
    storages = await startStorages({ apart });
    [source, target] = [await storages.container('one'), await storages.container('two')];
  });
  afterAll(() => storages.close());

  const copyOf = (blob: BlobSummary, more: Partial<BlobCopy> = {}): BlobCopy => ({
    source: source.sas('rl'),
    target: target.sas('rwl'),
    name: blob.name,
    size: blob.size,
    etag: blob.etag,
    md5: blob.md5,
    ...more,
  });

  test('copies bytes, content headers and metadata under any name, and a second time nothing', async () => {
    const contents = new Map(names.map((name) => [name, randomBytes(10_000)]));
    contents.set('empty', Buffer.alloc(0));
    for (const [name, bytes] of contents) {
      await source.client.getBlockBlobClient(name).uploadData(bytes, {
        blobHTTPHeaders: { blobContentType: 'video/mp4', blobCacheControl: 'max-age=60' },
        metadata: { note: 'kept' },
      });
    }
    const before = await listed(source);
    expect(before.map(({ name }) => name).sort()).toEqual([...contents.keys()].sort());

    for (const blob of before) {
      const progress: number[] = [];
      const copied = await copyBlob(copyOf(blob, { onProgress: (bytes) => progress.push(bytes) }));
      expect(copied).toMatchObject({ name: blob.name, size: blob.size, md5: blob.md5, way });
      expect(progress.at(-1) ?? 0).toBe(blob.size);
      const client = target.client.getBlobClient(blob.name);
      expect(md5(await client.downloadToBuffer())).toBe(md5(contents.get(blob.name)!));
      const properties = await client.getProperties();
      expect(properties).toMatchObject({ contentType: 'video/mp4', cacheControl: 'max-age=60' });
      expect(properties.metadata).toMatchObject({ note: 'kept', sourcemd5: blob.md5 });
      expect(Buffer.from(properties.contentMD5!).toString('hex')).toBe(blob.md5);
    }

    const copies = await listed(target);
    expect(copies.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
    expect(planCopy(before, copies)).toEqual({ copy: [], bytes: 0 });
    for (const blob of before) {
      expect(await copyBlob(copyOf(blob))).toMatchObject({ way: 'skipped', md5: blob.md5 });
    }
  });

  test('a source that has changed since it was listed is not copied', async () => {
    const client = source.client.getBlockBlobClient('changed.mp4');
    await client.uploadData(Buffer.from('first'));
    const blob = (await listed(source)).find(({ name }) => name === 'changed.mp4')!;
    await client.uploadData(Buffer.from('other'));
    const error = await copyBlob(copyOf(blob)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'source-changed', retriable: false, side: 'source' });
    expect(await target.client.getBlobClient('changed.mp4').exists()).toBe(false);
  });

  test('what is missing or forbidden is told by side, and never with the signature', async () => {
    await source.client.getBlockBlobClient('here.mp4').uploadData(Buffer.from('here'));
    const blob = (await listed(source)).find(({ name }) => name === 'here.mp4')!;
    const failures = [
      { change: { name: 'not here.mp4' }, expected: { code: 'not-found', side: 'source', retriable: false } },
      { change: { source: target.sas('rl') }, expected: { code: 'not-found', side: 'source' } },
      {
        change: { target: target.sas('rl') },
        expected: { code: 'forbidden', side: 'target', retriable: true },
      },
      {
        change: { source: source.sas('w') },
        expected: { code: 'forbidden', side: 'source', retriable: true },
      },
    ];
    for (const { change, expected } of failures) {
      const error: unknown = await copyBlob(copyOf(blob, change)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(BlobCopyError);
      expect(error).toMatchObject(expected);
      expect(`${String(error)} ${JSON.stringify(error)} ${(error as Error).stack}`).not.toMatch(/sig=|se=/);
    }
  });

  test('a blob that is already there with other bytes is replaced', async () => {
    await source.client.getBlockBlobClient('replaced.mp4').uploadData(Buffer.from('new!'));
    await target.client.getBlockBlobClient('replaced.mp4').uploadData(Buffer.from('old!'));
    const blob = (await listed(source)).find(({ name }) => name === 'replaced.mp4')!;
    await copyBlob(copyOf(blob));
    expect(await target.client.getBlobClient('replaced.mp4').downloadToBuffer()).toEqual(Buffer.from('new!'));
  });

  test('a source without an MD5 is copied, and known again by its ETag', async () => {
    const client = source.client.getBlockBlobClient('no md5.mp4');
    const bytes = randomBytes(3000);
    await client.stageBlock('AAAA', bytes, bytes.length);
    await client.commitBlockList(['AAAA']);
    const blob = (await listed(source)).find(({ name }) => name === 'no md5.mp4')!;
    expect(blob.md5).toBeUndefined();
    await copyBlob(copyOf(blob));
    expect(await target.client.getBlobClient('no md5.mp4').downloadToBuffer()).toEqual(bytes);
    expect(await copyBlob(copyOf(blob))).toMatchObject({ way: 'skipped' });
  });

  test('an MD5 known from elsewhere stands in for the one that the source lacks', async () => {
    const client = source.client.getBlockBlobClient('known md5.mp4');
    const bytes = randomBytes(3000);
    await client.stageBlock('AAAA', bytes, bytes.length);
    await client.commitBlockList(['AAAA'], { blobHTTPHeaders: { blobContentType: 'video/mp4' } });
    const blob = (await listed(source)).find(({ name }) => name === 'known md5.mp4')!;
    expect(await copyBlob(copyOf(blob, { md5: md5(bytes) }))).toMatchObject({ way, md5: md5(bytes) });
    const properties = await target.client.getBlobClient('known md5.mp4').getProperties();
    expect(properties.contentType).toBe('video/mp4');
    expect(properties.metadata).toMatchObject({ sourcemd5: md5(bytes) });
  });

  test('a refused way is tried once, not for each blob', async () => {
    const refusals = new ServerSideRefusals();
    await source.client.getBlockBlobClient('one.mp4').uploadData(Buffer.from('one'));
    const blob = (await listed(source)).find(({ name }) => name === 'one.mp4')!;
    await copyBlob(copyOf(blob, { refusals }));
    expect(refusals.has('whole', source.sas(), target.sas())).toBe(apart);
    expect(refusals.has('blocks', source.sas(), target.sas())).toBe(false);
  });
});
