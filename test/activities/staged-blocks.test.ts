import { BlockBlobClient } from '@azure/storage-blob';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toFailure } from '../../src/activities/failures.ts';
import { blockId, stagedBlocks } from '../../src/activities/staged-blocks.ts';
import { startFaultProxy, type Fault, type FaultProxy } from '../fault-proxy.ts';
import { startStorages, type Storages, type TestContainer } from '../two-storages.ts';

const version = '0123456789abcdef';
let storages: Storages;
let container: TestContainer;
let proxy: FaultProxy;
let fault: Fault | undefined;

beforeAll(async () => {
  storages = await startStorages({ apart: false });
  container = await storages.container('one');
  proxy = await startFaultProxy(`http://127.0.0.1:${storages.azurites[0]!.ports.blob}`, () => fault);
});
afterAll(async () => {
  await proxy.close();
  await storages.close();
});

function blobNamed(name: string): BlockBlobClient {
  const url = new URL(container.sas('rwl', proxy.host));
  url.pathname += `/${name}`;
  return new BlockBlobClient(url.href, undefined, { retryOptions: { maxTries: 1 } });
}
const { signal } = new AbortController();

test('blocks are found as far as they follow without a gap; a blob of which there is nothing has none', async () => {
  const blob = blobNamed('film.mp4');
  expect(await stagedBlocks(blob, signal)).toEqual(new Map());
  const ids = [blockId(version, 0, 3), blockId(version, 3, 3)];
  for (const id of [...ids, blockId(version, 9, 3)]) await blob.stageBlock(id, 'abc', 3);
  expect(await stagedBlocks(blob, signal)).toEqual(new Map([[version, { version, ids, bytes: 6 }]]));
});

test('a storage in trouble is told, and not taken for one without blocks', async () => {
  fault = { kind: 'answer', status: 503 };
  const failure = await stagedBlocks(blobNamed('film.mp4'), signal).then(() => undefined, toFailure);
  expect(failure).toMatchObject({ code: 'storage-unreachable', retriable: true });
});
