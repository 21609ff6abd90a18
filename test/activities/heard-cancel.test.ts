import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createActivities } from '../../src/activities/activities.ts';
import { copyBlob } from '../../src/activities/copy-blob.ts';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { planBatches } from '../../src/activities/plan-batches.ts';
import { MediaServicesError } from '../../src/media-services-client/errors.ts';

const run = { streamId: 'film', runId: '00000000000000aa' };
const place = (side: 'a' | 'b') => ({ side, sasLocatorId: `locator-${side}` });

function dependencies(more: object): Dependencies {
  return {
    telemetry: { event: () => undefined, problem: () => undefined },
    claims: { cancelRequested: () => Promise.resolve(true) },
    ...more,
  } as unknown as Dependencies;
}

describe('a run that is to be canceled', () => {
  const canceled = { code: 'canceled', retriable: false };

  it.each([
    'startEndpoint',
    'readSas',
    'createAsset',
    'writeSas',
    'planBatches',
    'listBatch',
    'copyBlob',
    'createFileInfos',
    'compareSides',
    'replicateLocator',
    'probeOrigin',
  ] as const)('does not begin %s', async (step) => {
    // No data center is there to be asked.
    const activity = createActivities(dependencies({}))[step] as (input: unknown) => Promise<unknown>;
    const input = { run, side: 'a', source: place('a'), target: place('b'), batch: {}, blob: {} };
    await expect(activity(input)).rejects.toMatchObject(canceled);
  });

  it('waits for no job whose media service is lost', async () => {
    const away = new MediaServicesError({ code: 'network', message: 'no answer', retriable: true });
    const dataCenters = { a: { media: { job: () => Promise.reject(away) } } };
    const input = { run, side: 'a', jobId: 'job' } as never;
    await expect(createActivities(dependencies({ dataCenters })).readJob(input)).rejects.toMatchObject(
      canceled,
    );
    const claims = { cancelRequested: () => Promise.resolve(false) };
    await expect(createActivities(dependencies({ dataCenters, claims })).readJob(input)).rejects.toBe(away);
  });

  it('ends a copy that is under way, whatever the storage does', async () => {
    // A storage that takes a request, and never answers.
    const storage = createServer(() => undefined).listen(0, '127.0.0.1');
    onTestFinished(() => {
      storage.closeAllConnections();
      storage.close();
    });
    await once(storage, 'listening');
    const { port } = storage.address() as AddressInfo;
    const containers = {
      url: (locator: string) => Promise.resolve(`http://127.0.0.1:${port}/account/${locator}?sig=s`),
      forget: () => undefined,
    };
    let asked = false;
    storage.on('request', () => (asked = true));
    const claims = { cancelRequested: () => Promise.resolve(asked) };
    const dataCenters = { a: { containers }, b: { containers } };
    const copy = copyBlob(dependencies({ claims, dataCenters }), 20);
    await expect(
      copy({
        ...{ run, source: place('a'), target: place('b') },
        blob: { name: 'film.cmfv', size: 1, etag: '"1"', isNew: true },
      } as never),
    ).rejects.toMatchObject(canceled);
  });
});

it('plans batches of few bytes, so that the copy of a few large files shows its progress', async () => {
  const gib = 2 ** 30;
  const sizes: Record<string, number> = { a: 3 * gib, b: gib / 2, c: gib / 2, d: 1, e: 2 * gib, f: 1 };
  const storage = createServer((request, response) => {
    const names = request.url?.includes('locator-a') === true ? Object.keys(sizes) : [];
    const blobs = names.map(
      (name) =>
        `<Blob><Name>${name}</Name><Properties><Etag>1</Etag><Content-Length>${sizes[name]}</Content-Length><BlobType>BlockBlob</BlobType><Last-Modified>Mon, 01 Jan 2024 00:00:00 GMT</Last-Modified></Properties></Blob>`,
    );
    response.setHeader('content-type', 'application/xml');
    response.end(
      `<?xml version="1.0"?><EnumerationResults ServiceEndpoint="x" ContainerName="c"><Blobs>${blobs.join('')}</Blobs><NextMarker/></EnumerationResults>`,
    );
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void storage.close());
  await once(storage, 'listening');
  const { port } = storage.address() as AddressInfo;
  const containers = {
    url: (locator: string) => Promise.resolve(`http://127.0.0.1:${port}/account/${locator}?sig=s`),
  };
  const claims = { cancelRequested: () => Promise.resolve(false) };
  const dataCenters = { a: { containers }, b: { containers } };
  const plan = await planBatches(dependencies({ claims, dataCenters }))({
    ...{ run, source: place('a'), target: place('b') },
  } as never);
  expect(plan.batches).toEqual([
    { first: 'a', last: 'a', blobs: 1, bytes: 3 * gib },
    { first: 'b', last: 'c', blobs: 2, bytes: gib },
    { first: 'd', last: 'd', blobs: 1, bytes: 1 },
    { first: 'e', last: 'e', blobs: 1, bytes: 2 * gib },
    { first: 'f', last: 'f', blobs: 1, bytes: 1 },
  ]);
  expect(plan).toMatchObject({ blobs: 6, more: false });
});
