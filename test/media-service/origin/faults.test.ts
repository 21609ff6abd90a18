import { createReadStream } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, truncate, unlink, utimes, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StorageUnavailableError } from '../../../src/media-service/errors.ts';
import { BlobChangedError } from '../../../src/media-service/origin/published-content.ts';
import { FolderContent, locatorGuid } from './folder-content.ts';
import {
  below,
  comparable,
  everyPath,
  fragmentPath,
  helloFolder,
  startOrigin,
  type OriginServer,
  type OriginServerOptions,
  type Reply,
} from './origin-server.ts';

const manifest = below('hello.ism/manifest');
const video = 'hello_640x360_960.cmfv';

let folder: string;
let content: FolderContent;
let servers: OriginServer[];
const start = async (options?: OriginServerOptions): Promise<OriginServer> => {
  const server = await startOrigin(content, options);
  servers.push(server);
  return server;
};
const outcome = ({ status, headers, body }: Reply): unknown => [
  status,
  status === 200 ? undefined : (JSON.parse(body.toString()) as { code: string }).code,
  headers['cache-control'] === 'no-store',
];

/** Rejects when the signal is aborted, as a read of the storage does. */
const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'origin-faults-'));
  await cp(helloFolder, folder, { recursive: true });
  content = new FolderContent(folder);
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await rm(folder, { recursive: true, force: true });
});

describe('two origins over two copies', () => {
  it('answer every URL with the same bytes and headers', async () => {
    const copy = await mkdtemp(join(tmpdir(), 'origin-copy-'));
    try {
      await cp(folder, copy, { recursive: true });
      for (const name of await readdir(copy)) await utimes(join(copy, name), 1, 1);
      const other = new FolderContent(copy);
      other.withMd5 = false;
      const fresh = { publicationFreshness: 60_000 };
      const [a, b] = [await start(fresh), await startOrigin(other, fresh)];
      servers.push(b);
      const paths = await everyPath(a);
      expect(paths.length).toBeGreaterThan(80);
      for (const path of paths) {
        expect(comparable(await b.get(path)), path).toEqual(comparable(await a.get(path)));
        const ranged = { Range: 'bytes=3-40' };
        expect(comparable(await b.get(path, ranged)), path).toEqual(comparable(await a.get(path, ranged)));
      }
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});

describe('what the storage does', () => {
  it('unavailable is 503, and once it is back all is well', async () => {
    const server = await start();
    content.beforeRead = async () => {
      throw new StorageUnavailableError('The storage said 503.');
    };
    expect(outcome(await server.get(manifest))).toEqual([503, 'storage-unavailable', true]);
    const down = await server.get(fragmentPath);
    expect([...(outcome(down) as unknown[]), down.headers['retry-after']]).toEqual([
      503,
      'storage-unavailable',
      true,
      '2',
    ]);
    expect(server.log.length).toBeGreaterThan(0);
    content.beforeRead = async () => undefined;
    expect((await server.get(fragmentPath)).status).toBe(200);
  });

  it('asks once for a fragment that many want', async () => {
    const server = await start({ publicationFreshness: 60_000 });
    await server.get(manifest);
    content.reads = [];
    const path = below('hello.ism/QualityLevels(960000)/Fragments(video=20000000,format=m3u8-cmaf).m4s');
    const replies = await Promise.all(Array.from({ length: 40 }, () => server.get(path)));
    expect(new Set(replies.map(({ body }) => body.length)).size).toBe(1);
    expect(content.reads.filter(({ name }) => name === video)).toHaveLength(1);
    // All formats share the stored segment.
    await server.get(path.replace(',format=m3u8-cmaf).m4s', ')'));
    await server.get(path.replace('m3u8-cmaf).m4s', 'mpd-time-csf)'));
    expect(content.reads.filter(({ name }) => name === video)).toHaveLength(1);
  });

  it('keeps no more than it may: with small caches every answer is the same, only slower', async () => {
    const fresh = { publicationFreshness: 60_000 };
    const large = await start(fresh);
    const small = await start({ ...fresh, indexCacheBytes: 0, fragmentCacheBytes: 0 });
    for (const path of (await everyPath(large)).filter((_, at) => at % 5 === 0)) {
      expect((await small.get(path)).body.equals((await large.get(path)).body), path).toBe(true);
    }
  });

  it('gives up a read that nobody waits for any more', async () => {
    const server = await start({ publicationFreshness: 60_000 });
    await server.get(below('hello.ism/QualityLevels(960000)/Manifest(video,format=m3u8-cmaf)'));
    let givenUp = false;
    let reading = false;
    content.beforeRead = (_name, signal) => {
      reading = true;
      signal.addEventListener('abort', () => (givenUp = true));
      return aborted(signal);
    };
    const request = httpRequest(server.url + fragmentPath);
    request.on('error', () => undefined);
    request.end();
    await vi.waitFor(() => expect(reading).toBe(true));
    request.destroy();
    await vi.waitFor(() => expect(givenUp).toBe(true));
    content.beforeRead = async () => undefined;
    expect((await server.get(fragmentPath)).status).toBe(200);
    expect(server.log).toEqual([]);
  });

  it('gives up a storage that sends nothing any more, before the headers or after', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const server = await start({ publicationFreshness: 60_000 });
      await server.get(below('hello.ism/QualityLevels(960000)/Manifest(video,format=m3u8-cmaf)'));
      for (const hang of [
        () => new Promise<never>(() => undefined),
        async () => new Readable({ read: () => undefined }),
      ]) {
        let asked = false;
        content.read = (...[, , , signal]) => {
          asked = true;
          return Promise.race([hang(), aborted(signal)]);
        };
        const reply = server.get(fragmentPath);
        await vi.waitFor(() => expect(asked).toBe(true));
        await vi.advanceTimersByTimeAsync(10_000);
        expect(outcome(await reply)).toEqual([503, 'storage-unavailable', true]);
      }
    } finally {
      vi.useRealTimers();
    }
  });

  it('serves a file in pieces and breaks off where the storage does', async () => {
    const server = await start();
    const read = content.read.bind(content);
    content.read = async (asset, name, range, signal) => {
      const stream = await read(asset, name, range, signal);
      return name === video ? read(asset, name, { ...range, count: 1000 }, signal) : stream;
    };
    const request = httpRequest(server.url + below(video));
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    let received = 0;
    response.on('data', (piece: Buffer) => (received += piece.length));
    const [error] = (await once(response, 'error')) as [Error];
    expect(error.message).toBe('aborted');
    expect([response.statusCode, response.complete, received <= 1000]).toEqual([200, false, true]);
  });

  it('looks again when a blob was replaced', async () => {
    const server = await start({ publicationFreshness: 60_000 });
    const before = await server.get(below('hello.ism/QualityLevels(960000)/Fragments(video=0)'));
    await cp(join(folder, 'hello_480x270_600.cmfv'), join(folder, video));
    // A cached fragment may be the old one for a while; one that must be read is the new one.
    const after = await server.get(fragmentPath);
    expect(after.status).toBe(200);
    const same = await server.get(below('hello.ism/QualityLevels(600000)/Fragments(video=20000000)'));
    expect(after.body.equals(same.body)).toBe(true);
    const anew = await server.get(below('hello.ism/QualityLevels(960000)/Fragments(video=0)'));
    expect(anew.headers.etag).not.toBe(before.headers.etag);
  });

  it('looks again when a file was replaced, deleted, or when its read does not begin', async () => {
    const server = await start({ publicationFreshness: 60_000 });
    const before = await server.get(below(video));
    await cp(join(folder, 'hello_480x270_600.cmfv'), join(folder, video));
    const after = await server.get(below(video));
    const same = await server.get(below('hello_480x270_600.cmfv'));
    expect([after.status, after.body.equals(same.body)]).toEqual([200, true]);
    expect(after.headers.etag).not.toBe(before.headers.etag);
    await unlink(join(folder, video));
    expect(outcome(await server.get(below(video)))).toEqual([404, 'unknown-file', true]);
    content.read = () => Promise.reject(new StorageUnavailableError('The storage is gone.'));
    const lost = await server.get(below('hello_480x270_600.cmfv'));
    expect(outcome(lost)).toEqual([503, 'storage-unavailable', true]);
  });

  it('says 503 while a blob changes all the time', async () => {
    const server = await start();
    content.read = async () => {
      throw new BlobChangedError('The blob has changed.');
    };
    expect(outcome(await server.get(fragmentPath))).toEqual([503, 'blob-changed', true]);
    expect(outcome(await server.get(below(video)))).toEqual([503, 'blob-changed', true]);
  });

  it('makes up for a missing MD5 by reading once', async () => {
    const server = await start({ publicationFreshness: 60_000 });
    content.withMd5 = false;
    const first = await server.get(fragmentPath, {}, 'HEAD');
    const whole = (): number =>
      content.reads.filter(({ name, offset, count }) => name === video && offset === 0 && count > 600_000)
        .length;
    expect(whole()).toBe(1);
    await server.get(fragmentPath.replace('20000000', '40000000'));
    expect(whole()).toBe(1);
    content.withMd5 = true;
    const other = await start();
    expect((await other.get(fragmentPath, {}, 'HEAD')).headers.etag).toBe(first.headers.etag);
  });
});

describe('readers that do not read', () => {
  const large = below('large.mp4');

  /** Asks for the large file and takes nothing of it but the head of the answer. */
  const stubborn = async (server: OriginServer): Promise<IncomingMessage> => {
    const request = httpRequest(server.url + large, { agent: false });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.on('error', () => undefined);
    return response;
  };

  beforeEach(async () => {
    await writeFile(join(folder, 'large.mp4'), '');
    // More than the sockets' buffers hold.
    await truncate(join(folder, 'large.mp4'), 64 * 2 ** 20);
    // At once, without a look at the file's hash before.
    content.read = async (_asset, name, { offset, count }, signal) =>
      createReadStream(join(folder, name), { start: offset, end: offset + count - 1, signal });
  });

  it('are so many at most, and keep nobody from manifests and fragments', async () => {
    const server = await start({ publicationFreshness: 60_000, fileReaders: 2 });
    const readers = [await stubborn(server), await stubborn(server)];
    const refused = await server.get(large);
    expect([...(outcome(refused) as unknown[]), refused.headers['retry-after']]).toEqual([
      ...[429, 'too-many-readers', true],
      '2',
    ]);
    expect((await server.get(large, {}, 'HEAD')).status).toBe(200);
    expect((await server.get(manifest)).status).toBe(200);
    expect((await server.get(fragmentPath)).status).toBe(200);
    readers[0]?.destroy();
    await vi.waitFor(async () => expect((await server.get(below('hello.ism'))).status).toBe(200));
    readers[1]?.destroy();
  });

  it('are sent away after a while', async () => {
    const server = await start({ publicationFreshness: 60_000, fileReaders: 1, readerPatience: 500 });
    const reader = await stubborn(server);
    // The place is free, although the reader has not gone.
    await vi.waitFor(async () => expect((await server.get(below('hello.ism'))).status).toBe(200), {
      timeout: 10_000,
    });
    await expect(reader.toArray()).rejects.toThrow('aborted');
  });
});

describe('a large file without an MD5', () => {
  it('is hashed to the end, also when nobody waits so long', async () => {
    const server = await start({ publicationFreshness: 60_000 });
    content.withMd5 = false;
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (finish = resolve));
    content.beforeRead = () => slow;
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort());
    try {
      const early = await server.get(below(video));
      expect([...(outcome(early) as unknown[]), early.headers['retry-after']]).toEqual([
        ...[503, 'content-not-ready', true],
        '30',
      ]);
    } finally {
      timeout.mockRestore();
    }
    finish();
    expect((await server.get(below(video), {}, 'HEAD')).status).toBe(200);
    expect(content.reads).toHaveLength(1);
  });
});

describe('what is stored', () => {
  it.each([
    ['a listed file is missing', () => unlink(join(folder, video)), 'incomplete-asset'],
    ['a file is empty', () => truncate(join(folder, video), 0), 'malformed-media'],
    ['a file is text', () => writeFile(join(folder, video), 'not a video'), 'malformed-media'],
    ['a file is cut short', () => truncate(join(folder, video), 100_000), 'malformed-media'],
    ['the server manifest is no XML', () => writeFile(join(folder, 'hello.ism'), '<smil'), 'malformed-media'],
    ['a file is a plain MP4', () => cp('sample/movie-hello.mp4', join(folder, video)), 'unsupported-media'],
  ])('%s: 500 with the reason, not cached, and the other origin may do better', async (_, damage, code) => {
    await damage();
    const server = await start();
    expect(outcome(await server.get(manifest))).toEqual([500, code, true]);
    expect(outcome(await server.get(fragmentPath))).toEqual([500, code, true]);
    expect(await server.origin.probe(locatorGuid)).toMatchObject({ outcome: 'bad', code });
    expect(server.log.every(({ level }) => level === 'warn')).toBe(true);
  });

  it('may be a file of no bytes', async () => {
    await writeFile(join(folder, 'empty.mp4'), '');
    for (const withMd5 of [true, false]) {
      content.withMd5 = withMd5;
      const server = await start();
      const whole = await server.get(below('empty.mp4'));
      expect([whole.status, whole.headers['content-length'], whole.body.length]).toEqual([200, '0', 0]);
      const part = await server.get(below('empty.mp4'), { Range: 'bytes=0-' });
      expect([part.status, part.headers['content-range']]).toEqual([416, 'bytes */0']);
    }
  });

  it('may have many tracks', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    const videos = Array.from(
      { length: 14 },
      (_, at) => `<video src="${video}" systemBitrate="${at + 1}000"/>`,
    );
    await writeFile(join(folder, 'many.ism'), `<smil><body>${videos.join('')}</body></smil>`);
    const server = await start();
    const reply = await server.get(below('many.ism/manifest'));
    expect(reply.body.toString().match(/<QualityLevel /g)).toHaveLength(14);
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('is served without sound when it has none', async () => {
    const text = await readFile(join(folder, 'hello.ism'), 'utf8');
    await writeFile(join(folder, 'hello.ism'), text.replace(/<audio[^]*<\/audio>/, ''));
    const server = await start();
    expect((await server.get(manifest)).body.toString()).not.toContain('audio');
  });
});

describe('when nothing may be served', () => {
  it.each(['Stopped', 'Starting', 'Stopping', 'Deleting', 'Scaling'] as const)(
    'the endpoint is %s: 503',
    async (state) => {
      content.state = state;
      const server = await start();
      expect(outcome(await server.get(manifest))).toEqual([503, 'endpoint-not-running', true]);
      expect(await server.origin.probe(locatorGuid)).toMatchObject({ code: 'endpoint-not-running' });
      content.state = 'Running';
      expect((await server.get(manifest)).status).toBe(200);
    },
  );

  it('the locator has expired: 404 at that moment, fresh or not', async () => {
    let now = Date.now();
    const server = await start({ publicationFreshness: 60_000, now: () => now });
    content.expires = new Date(now + 5000);
    expect((await server.get(fragmentPath)).status).toBe(200);
    now += 5000;
    expect(outcome(await server.get(fragmentPath))).toEqual([404, 'unknown-locator', true]);
  });

  it('the locator is deleted: 404 as soon as the origin looks again', async () => {
    let now = Date.now();
    const server = await start({ publicationFreshness: 2000, now: () => now });
    expect((await server.get(fragmentPath)).status).toBe(200);
    content.find = async () => undefined;
    now += 1999;
    expect((await server.get(fragmentPath)).status).toBe(200);
    now += 1;
    expect(outcome(await server.get(fragmentPath))).toEqual([404, 'unknown-locator', true]);
  });

  it('no query ever stands in the log', async () => {
    content.beforeRead = async () => {
      throw new StorageUnavailableError('down');
    };
    const server = await start();
    await server.get(`${fragmentPath}?token=very-secret`);
    expect(server.log.length).toBeGreaterThan(0);
    expect(JSON.stringify(server.log)).not.toContain('very-secret');
  });
});

describe('a probe', () => {
  it('is good where a viewer could play', async () => {
    const server = await start();
    expect(await server.origin.probe(locatorGuid.toUpperCase())).toEqual({ outcome: 'good' });
    expect(await server.origin.probe('00000000-0000-4000-8000-000000000000')).toMatchObject({
      outcome: 'bad',
      code: 'unknown-locator',
    });
  });
});
