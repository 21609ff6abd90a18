import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { blocksOf } from '../../src/blob-copy/blocks.ts';
import type { BlobSummary } from '../../src/blob-copy/container-sas.ts';
import { copyBlob, type BlobCopy } from '../../src/blob-copy/copy-blob.ts';
import { hashBlob } from '../../src/blob-copy/hash-blob.ts';
import { listBlobs } from '../../src/blob-copy/list.ts';
import { startFaultProxy, type Fault, type FaultProxy, type SeenRequest } from '../fault-proxy.ts';
import { startStorages, type Storages, type TestContainer } from '../two-storages.ts';
import { putBlockFromUrl } from './block-from-url.ts';

const mebibyte = 2 ** 20;
const limits = { stall: 20_000, retries: 3, firstWait: 5 };
/** Where something is to hang. */
const impatient = { ...limits, stall: 400 };
const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

let storages: Storages;
let source: TestContainer;
let target: TestContainer;
const open: FaultProxy[] = [];
beforeAll(async () => {
  storages = await startStorages();
  [source, target] = [await storages.container('one'), await storages.container('two')];
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((proxy) => proxy.close()));
});
afterAll(() => storages.close());

let made = 0;
/** A blob at the source that declares an MD5. */
async function blobOf(bytes: Buffer, contentMd5 = md5(bytes)): Promise<BlobSummary> {
  made += 1;
  const client = source.client.getBlockBlobClient(`film ${made}.mp4`);
  await client.uploadData(bytes);
  await client.setHTTPHeaders({ blobContentMD5: Buffer.from(contentMd5, 'hex') });
  for await (const blob of listBlobs(source.sas(), { side: 'source' }))
    if (blob.name === client.name) return blob;
  throw new Error('the blob is not listed');
}

async function faulty(
  decide: (request: SeenRequest) => Fault | undefined | Promise<Fault | undefined>,
): Promise<FaultProxy> {
  const proxy = await startFaultProxy(`http://127.0.0.1:${storages.azurites[0]!.ports.blob}`, decide);
  open.push(proxy);
  return proxy;
}

/** The first `times` requests that fit meet the fault. */
function first(
  times: number,
  fits: (request: SeenRequest) => boolean,
  fault: Fault,
): (request: SeenRequest) => Fault | undefined {
  let left = times;
  return (request) => (fits(request) && left-- > 0 ? fault : undefined);
}

/** Lets one fitting request pass, then something happen before any other does. */
function afterTheFirst(
  fits: (request: SeenRequest) => boolean,
  happens: () => Promise<void>,
): (request: SeenRequest) => Promise<undefined> {
  let fitting = 0;
  let happened: Promise<void> | undefined;
  return async (request) => {
    if (fits(request) && ++fitting > 1) await (happened ??= happens());
    return undefined;
  };
}

async function overwrite(name: string, bytes: Buffer): Promise<void> {
  await source.client.getBlockBlobClient(name).uploadData(bytes);
}

const isDownload = ({ method, url }: SeenRequest): boolean => method === 'GET' && !url.includes('comp=');
const isStaging = ({ method, url }: SeenRequest): boolean => method === 'PUT' && url.includes('comp=block&');
const isCommit = ({ method, url }: SeenRequest): boolean =>
  method === 'PUT' && url.includes('comp=blocklist');

function streamed(blob: BlobSummary, more: Partial<BlobCopy> = {}): BlobCopy {
  return {
    source: source.sas('rl'),
    target: target.sas('rwl'),
    ...blob,
    way: 'streamed',
    blockSize: mebibyte,
    limits,
    ...more,
  };
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no error',
    (error: unknown) => error,
  );
const bytesAt = async (name: string): Promise<string> =>
  md5(await target.client.getBlobClient(name).downloadToBuffer());
const isThere = (name: string): Promise<boolean> => target.client.getBlobClient(name).exists();

test('a small blob that the target is known to lack takes one request there, one that may be there a look before', async () => {
  for (const [isNew, requests] of [
    [true, ['PUT']],
    [false, ['HEAD', 'PUT']],
  ] as const) {
    // prettier-ignore
    const bytes = randomBytes(5000);
    const blob = await blobOf(bytes);
    const proxy = await faulty(() => undefined);
    const copied = await copyBlob(streamed(blob, { target: target.sas('rwl', proxy.host), isNew }));
    expect(copied).toMatchObject({ way: 'streamed', md5: md5(bytes) });
    expect(proxy.seen.map(({ method }) => method)).toEqual(requests);
    const there = await target.client.getBlobClient(blob.name).getProperties();
    expect(there).toMatchObject({ etag: copied.etag, contentMD5: createHash('md5').update(bytes).digest() });
  }
});

test('a download that is cut goes on at the byte where it broke', async () => {
  const bytes = randomBytes(3 * mebibyte + 17);
  const blob = await blobOf(bytes);
  const proxy = await faulty(first(2, isDownload, { kind: 'cut', after: 300_000 }));
  expect(await copyBlob(streamed(blob, { source: source.sas('rl', proxy.host) }))).toMatchObject({
    way: 'streamed',
    md5: md5(bytes),
  });
  expect(await bytesAt(blob.name)).toBe(md5(bytes));
  const ranges = proxy.seen.filter(isDownload).map(({ headers }) => headers['x-ms-range']);
  expect(ranges).toHaveLength(6);
  expect(ranges.filter((range) => Number(/=(\d+)-/.exec(range!)![1]) % mebibyte > 0)).toHaveLength(2);
  expect(proxy.seen.filter(isDownload).every(({ headers }) => headers['if-match'] === blob.etag)).toBe(true);
});

test('a download that stands still is given up and goes on; one that always does ends as stalled', async () => {
  const bytes = randomBytes(2 * mebibyte);
  const blob = await blobOf(bytes);
  const once = await faulty(first(1, isDownload, { kind: 'hang', after: 500_000 }));
  await copyBlob(streamed(blob, { source: source.sas('rl', once.host), limits: impatient }));
  expect(await bytesAt(blob.name)).toBe(md5(bytes));

  const other = await blobOf(randomBytes(2 * mebibyte));
  const always = await faulty((request) => (isDownload(request) ? { kind: 'hang' } : undefined));
  const short = { ...impatient, retries: 1 };
  const error = await failure(
    copyBlob(streamed(other, { source: source.sas('rl', always.host), limits: short })),
  );
  expect(error).toMatchObject({ code: 'stalled', retriable: true, side: 'source' });
  expect(await isThere(other.name)).toBe(false);
});

test('503s, lost answers and broken connections at the target are repeated, in bounds', async () => {
  const bytes = randomBytes(3 * mebibyte);
  const busy = { kind: 'answer', status: 503, headers: { 'x-ms-error-code': 'ServerBusy' } } as const;
  const faults: [string, (request: SeenRequest) => Fault | undefined][] = [
    ['503 at a block', first(2, isStaging, busy)],
    ['refused block', first(1, isStaging, { kind: 'refuse' })],
    ['lost block', first(1, isStaging, { kind: 'lose answer' })],
    ['503 at the commit', first(1, isCommit, busy)],
    ['lost commit', first(1, isCommit, { kind: 'lose answer' })],
    ['hanging commit', first(1, isCommit, { kind: 'hang' })],
  ];
  for (const [name, fault] of faults) {
    const blob = await blobOf(bytes);
    const proxy = await faulty(fault);
    const at = target.sas('rwl', proxy.host);
    await copyBlob(streamed(blob, { target: at, limits: name.startsWith('hanging') ? impatient : limits }));
    expect(await bytesAt(blob.name), name).toBe(md5(bytes));
  }
  const blob = await blobOf(bytes);
  const proxy = await faulty((request) => (isStaging(request) ? busy : undefined));
  const error = await failure(copyBlob(streamed(blob, { target: target.sas('rwl', proxy.host) })));
  expect(error).toMatchObject({
    code: 'unavailable',
    retriable: true,
    side: 'target',
    status: 503,
    serviceCode: 'ServerBusy',
  });
  expect(proxy.seen.filter(isStaging).length).toBeLessThanOrEqual(3 * (1 + limits.retries));
});

test('a source that changes between two ranges gives an error, never a mixed blob', async () => {
  const [old, fresh] = [randomBytes(12 * mebibyte), randomBytes(12 * mebibyte)];
  const blob = await blobOf(old);
  const proxy = await faulty(afterTheFirst(isStaging, () => overwrite(blob.name, fresh)));
  const error = await failure(copyBlob(streamed(blob, { target: target.sas('rwl', proxy.host) })));
  expect(error).toMatchObject({ code: 'source-changed', retriable: false });
  expect(await isThere(blob.name)).toBe(false);
});

test('bytes that are not what the source declares are not published', async () => {
  for (const size of [1000, 3 * mebibyte]) {
    const blob = await blobOf(randomBytes(size), md5(Buffer.from('something else')));
    const error = await failure(copyBlob(streamed(blob)));
    expect(error).toMatchObject({ code: 'mismatch', side: 'source', retriable: false });
    expect(await isThere(blob.name)).toBe(false);
    // Nor by a later attempt, which finds all of it staged.
    expect(await failure(copyBlob(streamed(blob)))).toMatchObject({ code: 'mismatch' });
    expect(await isThere(blob.name)).toBe(false);
  }
});

test('a later attempt uses the blocks that an earlier one has staged', async () => {
  const bytes = randomBytes(6 * mebibyte);
  const blob = await blobOf(bytes);
  const controller = new AbortController();
  const aborted = streamed(blob, {
    signal: controller.signal,
    onProgress: (done) => done >= 3 * mebibyte && controller.abort(),
  });
  expect(await failure(copyBlob(aborted))).toMatchObject({ code: 'canceled', retriable: false });
  expect(await isThere(blob.name)).toBe(false);

  const proxy = await faulty(() => undefined);
  const copied = await copyBlob(streamed(blob, { target: target.sas('rwl', proxy.host) }));
  expect(copied).toMatchObject({ way: 'streamed', md5: blob.md5 });
  expect(proxy.seen.filter(isStaging).length).toBeLessThanOrEqual(3);
  expect(await bytesAt(blob.name)).toBe(md5(bytes));
});

test('blocks that another version has left are never used', async () => {
  const [old, fresh] = [randomBytes(3 * mebibyte), randomBytes(3 * mebibyte)];
  const blob = await blobOf(old);
  const client = target.client.getBlockBlobClient(blob.name);
  for (const { id, offset, count } of blocksOf(blob, mebibyte)) {
    await client.stageBlock(id, old.subarray(offset, offset + count), count);
  }
  await source.client.getBlockBlobClient(blob.name).uploadData(fresh);
  const { etag } = await source.client.getBlobClient(blob.name).getProperties();
  await copyBlob(streamed({ ...blob, etag: etag!, md5: undefined }));
  expect(await bytesAt(blob.name)).toBe(md5(fresh));
});

test('blocks that are gone at the commit are staged again', async () => {
  const bytes = randomBytes(2 * mebibyte);
  const blob = await blobOf(bytes);
  // As after another version was committed meanwhile, or when the emulator was killed.
  const gone = { kind: 'answer', status: 400, headers: { 'x-ms-error-code': 'InvalidBlockList' } } as const;
  const proxy = await faulty(first(1, isCommit, gone));
  await copyBlob(streamed(blob, { target: target.sas('rwl', proxy.host) }));
  expect(proxy.seen.filter(isCommit)).toHaveLength(2);
  expect(await bytesAt(blob.name)).toBe(md5(bytes));

  const other = await blobOf(bytes);
  const always = await faulty((request) => (isCommit(request) ? gone : undefined));
  const error = await failure(copyBlob(streamed(other, { target: target.sas('rwl', always.host) })));
  expect(error).toMatchObject({ code: 'refused', serviceCode: 'InvalidBlockList' });
});

test('larger blobs are copied in blocks on the service side, and none is mixed of two versions', async () => {
  const service = `http://127.0.0.1:${storages.azurites[0]!.ports.blob}`;
  const [bytes, fresh] = [randomBytes(5 * mebibyte + 1), randomBytes(20 * mebibyte)];
  const serverSide = { way: 'server-side first', wholeUpTo: mebibyte } as const;
  const blob = await blobOf(bytes);
  const proxy = await faulty((request) => putBlockFromUrl(service, request));
  const copied = await copyBlob(streamed(blob, { ...serverSide, target: target.sas('rwl', proxy.host) }));
  expect(copied).toMatchObject({ way: 'server-side', md5: blob.md5 });
  expect(await bytesAt(blob.name)).toBe(md5(bytes));
  expect(proxy.seen.filter(isStaging)).toHaveLength(6);

  const changing = await blobOf(randomBytes(20 * mebibyte));
  const gate = afterTheFirst(isStaging, () => overwrite(changing.name, fresh));
  const meanwhile = await faulty(async (request) => {
    await gate(request);
    return putBlockFromUrl(service, request);
  });
  const error = await failure(
    copyBlob(streamed(changing, { ...serverSide, target: target.sas('rwl', meanwhile.host) })),
  );
  expect(error).toMatchObject({ code: 'source-changed', retriable: false });
  expect(await isThere(changing.name)).toBe(false);
});

test.each([
  ['403 CannotVerifyCopySource', 403],
  ['409', 409],
  ['501', 501],
  ['500 that stays', 500],
])('a copy that the service answers with %s is streamed', async (_, status) => {
  const bytes = randomBytes(5000);
  const blob = await blobOf(bytes);
  const proxy = await faulty(({ headers }) =>
    headers['x-ms-copy-source'] === undefined
      ? undefined
      : { kind: 'answer', status, headers: { 'x-ms-error-code': 'CannotVerifyCopySource' } },
  );
  const copied = await copyBlob(
    streamed(blob, { way: 'server-side first', target: target.sas('rwl', proxy.host) }),
  );
  expect(copied).toMatchObject({ way: 'streamed', md5: md5(bytes) });
});

test('a hash is of the whole blob also when the download breaks', async () => {
  const bytes = randomBytes(2 * mebibyte);
  const blob = await blobOf(bytes);
  const proxy = await faulty(first(3, isDownload, { kind: 'cut', after: 200_000 }));
  const progress: number[] = [];
  const hash = await hashBlob(source.sas('rl', proxy.host), blob.name, {
    side: 'source',
    limits,
    onProgress: (done) => progress.push(done),
  });
  expect(hash).toMatchObject({ bytesMd5: md5(bytes), md5: blob.md5, size: bytes.length, etag: blob.etag });
  expect(progress.at(-1)).toBe(bytes.length);
  expect(proxy.seen.filter(isDownload)).toHaveLength(4);
});

test('an aborted copy ends at once', async () => {
  const blob = await blobOf(randomBytes(2 * mebibyte));
  const controller = new AbortController();
  const proxy = await faulty((request) => {
    if (!isDownload(request)) return undefined;
    controller.abort();
    return { kind: 'hang' };
  });
  const error = await failure(
    copyBlob(
      streamed(blob, {
        source: source.sas('rl', proxy.host),
        signal: controller.signal,
        limits: { ...limits, stall: 60_000 },
      }),
    ),
  );
  expect(error).toMatchObject({ code: 'canceled', retriable: false });
});

test('an aborted copy is told as cancelled also where lanes wait for each other', async () => {
  const blob = await blobOf(randomBytes(4 * mebibyte));
  const controller = new AbortController();
  let staged = 0;
  // The first block never comes, so that the others wait for its hash.
  const from = await faulty((request) =>
    isDownload(request) && request.headers['x-ms-range']?.startsWith('bytes=0-') === true
      ? { kind: 'hang' }
      : undefined,
  );
  const to = await faulty((request) => {
    if (isStaging(request) && ++staged === 3) setTimeout(() => controller.abort(), 50);
    return undefined;
  });
  const copy = copyBlob(
    streamed(blob, {
      source: source.sas('rl', from.host),
      target: target.sas('rwl', to.host),
      signal: controller.signal,
    }),
  );
  expect(await failure(copy)).toMatchObject({ code: 'canceled', retriable: false });
});
