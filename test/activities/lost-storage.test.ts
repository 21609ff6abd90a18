import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashBlob } from '../../src/blob-copy/hash-blob.ts';
import type { Place } from '../../src/activities/containers.ts';
import type { DataCenterKey } from '../../src/streams/data-center.ts';
import type { RunReference } from '../../src/streams/operation.ts';
import type { RunId, StreamId } from '../../src/streams/stream-id.ts';
import { TwoDataCenters } from '../two-data-centers.ts';

describe('a side whose storage is lost is told as that side', () => {
  const run: RunReference = { streamId: 'lost' as StreamId, runId: '00000000000000aa' as RunId };
  let both: TwoDataCenters;
  let places: Readonly<Record<'held' | 'lost', Readonly<Record<DataCenterKey, Place>>>>;

  beforeAll(async () => {
    both = await TwoDataCenters.start();
    const opened = async (side: DataCenterKey): Promise<Place> => {
      const assetId = await both.publishFixture(side, 'lost');
      const { locatorId } = await both.activities.readSas({ run, side, assetId });
      return { side, sasLocatorId: locatorId };
    };
    const held = { a: await opened('a'), b: await opened('b') };
    const lost = { a: await opened('a'), b: await opened('b') };
    await loseContainer(lost.a);
    await loseContainer(lost.b);
    places = { held, lost };
  });
  afterAll(() => both.close());

  async function loseContainer({ side, sasLocatorId }: Place): Promise<void> {
    const url = await both.dependencies.dataCenters[side].containers.url(sasLocatorId);
    const container = new URL(url).pathname.split('/').at(-1)!;
    const { connectionString } = both.azurite.account(`media${side}`);
    await BlobServiceClient.fromConnectionString(connectionString).deleteContainer(container);
  }

  const sides = [
    { lost: 'source', source: () => places.lost.a, target: () => places.held.b },
    { lost: 'target', source: () => places.held.a, target: () => places.lost.b },
  ];

  it.each(sides)('by the plan of what to copy: the $lost', async ({ lost, source, target }) => {
    await expect(both.activities.planBatches({ run, source: source(), target: target() })).rejects.toThrow(
      `Listing the blobs failed at the ${lost}:`,
    );
  });

  it.each(sides)('by the comparison of all bytes: the $lost', async ({ lost, source, target }) => {
    const read = ({ side, sasLocatorId }: Place) => ({
      side,
      reading: { level: 'bytes', sasLocatorId, rehash: true } as const,
    });
    await expect(
      both.activities.compareSides({ run, source: read(source()), target: read(target()), locators: false }),
    ).rejects.toThrow(`failed at the ${lost}:`);
  });

  it.each(['source', 'target'] as const)('by the hash of a blob: the %s', async (side) => {
    const container = await both.dependencies.dataCenters.b.containers.url(places.lost.b.sasLocatorId);
    await expect(hashBlob(container, 'hello.ism', { side })).rejects.toThrow(
      `Reading "hello.ism" failed at the ${side}:`,
    );
  });
});
