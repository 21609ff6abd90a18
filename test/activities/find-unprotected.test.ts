import { describe, expect, it } from 'vitest';
import type { Dependencies, DataCenter } from '../../src/activities/dependencies.ts';
import { findUnprotected } from '../../src/activities/find-unprotected.ts';
import type { MediaServices } from '../../src/media-services-client/media-services.ts';
import {
  AssetState,
  LocatorType,
  parseId,
  type Asset,
  type AssetFile,
  type AssetId,
  type Locator,
} from '../../src/media-service/model.ts';
import type { StreamId } from '../../src/streams/stream-id.ts';
import type { EventProperties } from '../../src/telemetry.ts';

const hour = 3_600_000;
const ago = (hours: number): Date => new Date(Date.now() - hours * hour);

interface Published {
  readonly streamId: string;
  readonly publishedHoursAgo: number;
  readonly locatorDays?: number;
}

/** A media service that has published these streams, each with a manifest of one size. */
function mediaService(streams: readonly Published[]): DataCenter {
  const idOf = (streamId: string): AssetId => {
    const at = streams.findIndex((stream) => stream.streamId === streamId);
    return parseId('Asset', `00000000-0000-4000-8000-00000000000${at}`)!;
  };
  const assetOf = ({ streamId }: Published): Asset =>
    ({
      Id: idOf(streamId),
      State: AssetState.Published,
      AlternateId: streamId,
      Name: `${streamId} source=a revision=1`,
    }) as Asset;
  const streamOf = (id: AssetId): Published => streams.find(({ streamId }) => idOf(streamId) === id)!;
  const media: Partial<MediaServices> = {
    async *assets() {
      for (const stream of streams) yield await Promise.resolve(assetOf(stream));
    },
    assetsByAlternateId: (streamId) =>
      Promise.resolve(streams.filter((stream) => stream.streamId === streamId).map(assetOf)),
    files: () =>
      Promise.resolve([
        { Name: 'film.ism', ContentFileSize: 10, ContentChecksum: 'aa', IsPrimary: true } as AssetFile,
      ]),
    locators: (id) => {
      const { streamId, publishedHoursAgo, locatorDays } = streamOf(id);
      if (locatorDays === undefined) return Promise.resolve([]);
      const locator = {
        Id: `nb:lid:UUID:${streamId}`,
        Type: LocatorType.OnDemandOrigin,
        StartTime: ago(publishedHoursAgo),
        ExpirationDateTime: new Date(Math.floor(ago(-24 * locatorDays - 1).getTime() / hour) * hour),
        Path: `http://origin/${streamId}/`,
      } as unknown as Locator;
      return Promise.resolve([locator]);
    },
  };
  return { media } as unknown as DataCenter;
}

async function look(
  a: readonly Published[],
  b: readonly Published[],
  skip: readonly string[] = [],
): Promise<{ found: unknown; events: [string, EventProperties][] }> {
  const events: [string, EventProperties][] = [];
  const dependencies = {
    dataCenters: { a: mediaService(a), b: mediaService(b) },
    telemetry: { event: (name: string, properties: EventProperties) => events.push([name, properties]) },
  } as unknown as Dependencies;
  const found = await findUnprotected(dependencies)({ source: 'a', skip: skip as StreamId[] });
  return { found, events };
}

describe('looking for streams that are not protected', () => {
  it('tells how many there are, how long the oldest waits, and when the first URL expires', async () => {
    const both = { streamId: 'both', publishedHoursAgo: 50, locatorDays: 40 };
    const { found, events } = await look(
      [
        both,
        { streamId: 'late', publishedHoursAgo: 3, locatorDays: 12 },
        { streamId: 'later', publishedHoursAgo: 1, locatorDays: 90 },
      ],
      [both],
    );
    expect(found).toMatchObject({ checked: 3, count: 2 });
    expect(events).toEqual([
      [
        'StreamsChecked',
        { source: 'a', checked: 3, unprotected: 2, expired: 0, lagMinutes: 180, shortestLocatorDays: 12 },
      ],
    ]);
  });

  it('tells of no lag when every stream is protected, and of no expiry without a stream', async () => {
    const both = { streamId: 'both', publishedHoursAgo: 50, locatorDays: 40 };
    const all = await look([both], [both]);
    expect(all.events).toMatchObject([['StreamsChecked', { unprotected: 0, lagMinutes: 0 }]]);
    const none = await look([], []);
    expect(none.events).toEqual([
      [
        'StreamsChecked',
        {
          source: 'a',
          checked: 0,
          unprotected: 0,
          expired: 0,
          lagMinutes: 0,
          shortestLocatorDays: undefined,
        },
      ],
    ]);
  });

  it('leaves out what no replication mends: a URL that has expired', async () => {
    const expired = { streamId: 'expired', publishedHoursAgo: 500, locatorDays: -3 };
    const late = { streamId: 'late', publishedHoursAgo: 3, locatorDays: 12 };
    const { found, events } = await look([expired, late], [expired]);
    const differing = "the source's origin locator has expired; the target's origin locator has expired";
    expect(found).toMatchObject({
      checked: 2,
      count: 1,
      streams: [{ streamId: 'late' }],
      expired: { count: 1, streams: [{ streamId: 'expired', reason: differing }] },
    });
    const facts = { unprotected: 1, expired: 1, lagMinutes: 180, shortestLocatorDays: -3 };
    expect(events).toMatchObject([['StreamsChecked', facts]]);
  });

  it('is told of once in a re-sync, by its first look', async () => {
    const { events } = await look([{ streamId: 'late', publishedHoursAgo: 3 }], [], ['another']);
    expect(events).toEqual([]);
  });
});
