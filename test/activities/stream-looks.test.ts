import { describe, expect, it, onTestFinished } from 'vitest';
import type { DataCenter, Dependencies } from '../../src/activities/dependencies.ts';
import { findProtected } from '../../src/activities/find-protected.ts';
import { findUnprotected } from '../../src/activities/find-unprotected.ts';
import { MediaServicesError } from '../../src/media-services-client/errors.ts';
import type { MediaServices } from '../../src/media-services-client/media-services.ts';
import {
  AssetState,
  LocatorType,
  type Asset,
  type AssetFile,
  type Locator,
} from '../../src/media-service/model.ts';

const away = new MediaServicesError({ code: 'unavailable', message: 'no answer', retriable: true });
const refused = new MediaServicesError({
  code: 'bad-request',
  message: 'no such entity set',
  retriable: false,
});

const manifest = {
  Name: 'film.ism',
  ContentFileSize: 1,
  ContentChecksum: 'aa',
  IsPrimary: true,
} as AssetFile;
const locator = {
  Id: 'nb:lid:UUID:1',
  Type: LocatorType.OnDemandOrigin,
  StartTime: new Date(0),
  ExpirationDateTime: new Date(Date.UTC(2100, 0)),
  Path: 'http://origin/1/',
} as unknown as Locator;

interface Behaviour {
  readonly streams: readonly string[];
  readonly failing?: (streamId: string) => Error | undefined;
  /** Between the two pages of its assets. */
  readonly pause?: () => Promise<void>;
}

function dataCenter({ streams, failing, pause }: Behaviour): DataCenter {
  const asset = (streamId: string): Asset =>
    ({
      Id: streamId,
      Name: `${streamId} source=a revision=1`,
      AlternateId: streamId,
      State: AssetState.Published,
    }) as unknown as Asset;
  const media: Partial<MediaServices> = {
    async *assets() {
      for (const streamId of streams) {
        if (streamId === streams.at(-1)) await pause?.();
        yield asset(streamId);
      }
    },
    assetsByAlternateId: (streamId) => {
      const error = failing?.(streamId);
      return error === undefined ? Promise.resolve([asset(streamId)]) : Promise.reject(error);
    },
    files: () => Promise.resolve([manifest]),
    locators: () => Promise.resolve([locator]),
  };
  return { media } as unknown as DataCenter;
}

function dependencies(streams: readonly string[], failing: Behaviour['failing'], pause?: Behaviour['pause']) {
  return {
    dataCenters: {
      a: dataCenter({ streams, ...(pause === undefined ? {} : { pause }) }),
      b: dataCenter({ streams, ...(failing === undefined ? {} : { failing }) }),
    },
    telemetry: { event: () => undefined },
  } as unknown as Dependencies;
}

const many = Array.from({ length: 40 }, (_, index) => `film-${String(index).padStart(2, '0')}`);

describe('looking at every stream of a source', () => {
  it.each([refused, away])(
    'counts one that cannot be read as open, with its reason: $message',
    async (error) => {
      const found = await findUnprotected(
        dependencies(many, (streamId) => (streamId === 'film-02' ? error : undefined)),
      )({ source: 'a', skip: [] });
      expect(found).toEqual({
        checked: many.length,
        count: 1,
        streams: [{ streamId: 'film-02', reason: error.message }],
        expired: { count: 0, streams: [] },
      });
    },
  );

  it('leaves no failure unhandled that comes while the next page is awaited', async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', listener);
    onTestFinished(() => void process.off('unhandledRejection', listener));
    // Node looks for unhandled rejections between two turns of its loop.
    const turns = async (): Promise<void> => {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    };
    const look = findUnprotected(
      dependencies(['one', 'two', 'three'], (streamId) => (streamId === 'two' ? refused : undefined), turns),
    );
    await expect(look({ source: 'a', skip: [] })).resolves.toMatchObject({ checked: 3, count: 1 });
    await turns();
    expect(unhandled).toEqual([]);
  });

  it('looks no further when a data center is lost on the way, so that the step is tried again', async () => {
    const asked: string[] = [];
    const look = findUnprotected(
      dependencies(many, (streamId) => {
        asked.push(streamId);
        return streamId > 'film-05' ? away : undefined;
      }),
    );
    await expect(look({ source: 'a', skip: [] })).rejects.toThrow('no answer');
    expect(asked.length).toBeLessThan(many.length);
  });

  it('says that a data center is lost when not one of a few streams can be read', async () => {
    const look = findUnprotected(dependencies(['one', 'two'], () => away));
    await expect(look({ source: 'a', skip: [] })).rejects.toThrow('no answer');
  });

  it('has one that cannot be looked at read byte for byte, which tells why', async () => {
    const failing = (streamId: string) => (streamId === 'film-02' ? refused : undefined);
    const found = await findProtected(dependencies(many.slice(0, 4), failing))({
      source: 'a',
      after: null,
      limit: 30,
    });
    expect(found.streams).toContain('film-02');
  });
});
