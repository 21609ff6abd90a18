import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seeded } from '../../seeded.ts';
import { FolderContent, locatorGuid } from './folder-content.ts';
import {
  below,
  comparable,
  everyPath,
  fragmentPath,
  helloFolder,
  startOrigin,
  type OriginServer,
} from './origin-server.ts';

const manifest = below('hello.ism/manifest');
const file = below('hello_320x180_320.cmfv');

let server: OriginServer;
beforeAll(async () => {
  server = await startOrigin(new FolderContent(helloFolder), { publicationFreshness: 60_000 });
});
afterAll(() => server.close());

describe('what a URL stands for', () => {
  it.each([
    ['hello.ism/manifest', 'application/vnd.ms-sstr+xml', 'public, max-age=60'],
    ['hello.ism/Manifest', 'application/vnd.ms-sstr+xml', 'public, max-age=60'],
    ['hello.ism/manifest(format=mpd-time-csf)', 'application/dash+xml', 'public, max-age=60'],
    ['hello.ism/MANIFEST(FORMAT=mpd-time-cmaf)', 'application/dash+xml', 'public, max-age=60'],
    ['hello.ism/manifest(format=m3u8-cmaf)', 'application/vnd.apple.mpegurl', 'public, max-age=60'],
    ['hello.ism/manifest%28format%3Dm3u8-cmaf%29', 'application/vnd.apple.mpegurl', 'public, max-age=60'],
    [
      'hello.ism/QualityLevels(960000)/Manifest(video,format=m3u8-cmaf)',
      'application/vnd.apple.mpegurl',
      'public, max-age=60',
    ],
    ['hello.ism/QualityLevels(960000)/Fragments(video=0)', 'video/mp4', 'public, max-age=86400'],
    ['hello.ism/qualitylevels(128000)/fragments(audio=0)', 'audio/mp4', 'public, max-age=86400'],
    [
      'hello.ism/QualityLevels(128000)/Fragments(audio=i,format=mpd-time-csf)',
      'audio/mp4',
      'public, max-age=86400',
    ],
    ['hello_320x180_320.cmfv', 'video/mp4', 'public, max-age=86400'],
    ['hello.ism', 'application/octet-stream', 'public, max-age=86400'],
  ])('%s is %s', async (path, contentType, cacheControl) => {
    const { status, headers, body } = await server.get(below(path));
    expect(status).toBe(200);
    expect(headers['content-type']).toBe(contentType);
    expect(headers['cache-control']).toBe(cacheControl);
    expect(headers['content-length']).toBe(String(body.length));
    expect(headers['accept-ranges']).toBe('bytes');
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-expose-headers']).toMatch(/Content-Range.*ETag/);
    expect(headers.etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(headers).not.toHaveProperty('last-modified');
  });

  it('has one ETag however the URL is written, and another for each content', async () => {
    const spellings = [
      manifest,
      manifest.replace('manifest', 'MANIFEST'),
      manifest.toUpperCase().replace('HELLO.ISM', 'hello.ism'),
      `${manifest}?token=1`,
      manifest.replace('hello.ism', '%68ello.ism'),
    ];
    const etags = await Promise.all(spellings.map(async (path) => (await server.get(path)).headers.etag));
    expect(new Set(etags).size).toBe(1);
    const paths = await everyPath(server);
    const all = await Promise.all(
      paths.map(async (path) => (await server.get(path, {}, 'HEAD')).headers.etag),
    );
    expect(new Set(all).size).toBe(paths.length);
  });

  it.each([
    ['hello.ism/manifest(format=m3u8-aapl)', 400, 'format-not-served'],
    ['hello.ism/manifest(format=m3u8-aapl-v3)', 400, 'format-not-served'],
    ['hello.ism/manifest(format=mp3)', 400, 'unknown-format'],
    ['hello.ism/manifest(encryption=cbc)', 400, 'unknown-parameter'],
    ['hello.ism/QualityLevels(960000)/Fragments(video=20000001)', 404, 'unknown-fragment'],
    ['hello.ism/QualityLevels(960000)/Fragments(video=83290000)', 404, 'unknown-fragment'],
    ['hello.ism/QualityLevels(960000)/Fragments(audio=0)', 404, 'unknown-track'],
    ['hello.ism/QualityLevels(1)/Fragments(video=0)', 404, 'unknown-track'],
    ['hello.ism/QualityLevels(960000)/Fragments(video=i)', 404, 'unknown-path'],
    ['hello.ism/QualityLevels(960000)/Fragments(video=-1)', 404, 'unknown-path'],
    ['hello.ism/QualityLevels(960000)/Fragments(video=0).m4s', 404, 'unknown-path'],
    ['hello.ism/QualityLevels(960000)', 404, 'unknown-path'],
    ['hello.ism/', 404, 'unknown-path'],
    ['HELLO.ism/manifest', 404, 'unknown-file'],
    ['other.ism/manifest', 404, 'unknown-file'],
    ['hello_320x180_320.cmfv/manifest', 404, 'unknown-path'],
    ['missing.mp4', 404, 'unknown-file'],
    ['', 404, 'unknown-path'],
    ['%', 400, 'malformed-path'],
    ['%ff.mp4', 400, 'malformed-path'],
    ['%00.mp4', 400, 'malformed-path'],
    ['..%2f..%2fetc%2fpasswd', 400, 'malformed-path'],
    ['../origin/http.test.ts', 400, 'malformed-path'],
    ['%2e%2e', 400, 'malformed-path'],
    ['..%5chello.ism', 400, 'malformed-path'],
    ['hello.ism/../hello.ism', 400, 'malformed-path'],
    [`${'x'.repeat(3000)}.mp4`, 414, 'path-too-long'],
  ])('refuses %s with %i', async (path, status, code) => {
    const reply = await server.get(below(path));
    expect(reply.status).toBe(status);
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(reply.headers['access-control-allow-origin']).toBe('*');
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(reply.body.toString())).toMatchObject({ status, code });
    expect(reply.body.length).toBeLessThan(300);
  });

  it('leaves paths of others alone', async () => {
    for (const path of ['/', '/health', '/api/Assets', '/player', `/x${locatorGuid}/hello.ism/manifest`]) {
      expect((await server.get(path)).status).toBe(418);
    }
  });

  it('knows its locators only', async () => {
    const unknown = '00000000-0000-4000-8000-000000000000';
    const reply = await server.get(manifest.replace(locatorGuid, unknown));
    expect([reply.status, JSON.parse(reply.body.toString())]).toMatchObject([
      404,
      { code: 'unknown-locator' },
    ]);
  });

  it('serves a file of the asset as it is stored', async () => {
    expect((await server.get(file)).body).toEqual(
      await readFile(join(helloFolder, 'hello_320x180_320.cmfv')),
    );
  });

  it('serves names with spaces and letters of any script', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'origin-names-'));
    await cp(helloFolder, folder, { recursive: true });
    await cp(join(folder, 'hello.ism'), join(folder, 'Grüße aus 東京.ism'));
    const other = await startOrigin(new FolderContent(folder));
    try {
      const path = below(`${encodeURIComponent('Grüße aus 東京')}.ism/manifest(format=mpd-time-cmaf)`);
      expect((await other.get(path)).status).toBe(200);
    } finally {
      await other.close();
      await rm(folder, { recursive: true });
    }
  });
});

describe('methods', () => {
  it('answers HEAD with the head of GET', async () => {
    for (const path of [manifest, fragmentPath, `${fragmentPath.slice(0, -1)},format=m3u8-cmaf)`, file]) {
      const [get, head] = [await server.get(path), await server.get(path, {}, 'HEAD')];
      expect(head.body.length).toBe(0);
      expect(comparable(head)).toEqual(comparable({ ...get, body: Buffer.alloc(0) }));
    }
    const missing = await server.get(below('missing.mp4'), {}, 'HEAD');
    expect([missing.status, missing.body.length]).toEqual([404, 0]);
  });

  it('answers a preflight without looking at the content', async () => {
    const reply = await server.get(
      below('hello.ism/manifest'),
      {
        Origin: 'https://player.example',
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'range,if-match',
      },
      'OPTIONS',
    );
    expect(reply.status).toBe(204);
    expect(reply.headers['access-control-allow-methods']).toContain('GET');
    expect(reply.headers['access-control-allow-headers']).toMatch(/Range.*If-Match/);
    expect(reply.body.length).toBe(0);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH'])('refuses %s', async (method) => {
    const reply = await server.get(manifest, {}, method);
    expect([reply.status, reply.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
  });
});

describe('conditions and ranges', () => {
  const target = `${fragmentPath.slice(0, -1)},format=mpd-time-cmaf)`;
  const whole = async (path: string): Promise<{ etag: string; body: Buffer }> => {
    const { headers, body } = await server.get(path);
    return { etag: headers.etag!, body };
  };

  it.each([manifest, fragmentPath, target, file])('conditions of %s', async (path) => {
    const { etag } = await whole(path);
    const status = async (headers: Record<string, string>, method = 'GET'): Promise<number> =>
      (await server.get(path, headers, method)).status;
    expect(await status({ 'If-None-Match': etag })).toBe(304);
    expect(await status({ 'If-None-Match': etag }, 'HEAD')).toBe(304);
    expect(await status({ 'If-None-Match': `"x", W/${etag}` })).toBe(304);
    expect(await status({ 'If-None-Match': '*' })).toBe(304);
    expect(await status({ 'If-None-Match': '"x"' })).toBe(200);
    expect(await status({ 'If-Match': etag })).toBe(200);
    expect(await status({ 'If-Match': `"x", ${etag}` })).toBe(200);
    expect(await status({ 'If-Match': '*' })).toBe(200);
    expect(await status({ 'If-Match': '"x"' })).toBe(412);
    // If-Match compares strongly (RFC 9110, 13.1.1), and comes first.
    expect(await status({ 'If-Match': `W/${etag}` })).toBe(412);
    expect(await status({ 'If-Match': '"x"', 'If-None-Match': etag })).toBe(412);
    expect(await status({ 'If-Modified-Since': new Date().toUTCString() })).toBe(200);
  });

  it('tells the validators with a 304 and nothing of the content', async () => {
    const { etag } = await whole(target);
    const { headers, body } = await server.get(target, { 'If-None-Match': etag });
    expect(headers).toMatchObject({
      etag,
      'cache-control': 'public, max-age=86400',
      'access-control-allow-origin': '*',
    });
    expect(headers).not.toHaveProperty('content-type');
    expect(body.length).toBe(0);
  });

  it.each([manifest, fragmentPath, target, file])('ranges of %s', async (path) => {
    const { body, etag } = await whole(path);
    const length = body.length;
    const cases: [string, number, number][] = [
      ['bytes=0-0', 0, 0],
      ['bytes=0-', 0, length - 1],
      ['bytes=100-199', 100, 199],
      [`bytes=${length - 1}-`, length - 1, length - 1],
      ['bytes=-1', length - 1, length - 1],
      [`bytes=-${length + 5}`, 0, length - 1],
      [`bytes=600-${length + 100}`, 600, length - 1],
      ['BYTES=5-6', 5, 6],
    ];
    for (const [range, first, last] of cases) {
      const reply = await server.get(path, { Range: range });
      expect([range, reply.status]).toEqual([range, 206]);
      expect(reply.headers['content-range']).toBe(`bytes ${first}-${last}/${length}`);
      expect(reply.headers['content-length']).toBe(String(last - first + 1));
      expect(reply.headers.etag).toBe(etag);
      expect(reply.body.equals(body.subarray(first, last + 1))).toBe(true);
    }
    for (const range of [`bytes=${length}-`, `bytes=${length + 7}-${length + 9}`, 'bytes=-0']) {
      const reply = await server.get(path, { Range: range });
      expect([range, reply.status, reply.headers['content-range']]).toEqual([
        range,
        416,
        `bytes */${length}`,
      ]);
      expect(reply.headers['cache-control']).toBe('no-store');
    }
    for (const range of ['bytes=5-2', 'bytes=-', 'bytes=x-', 'items=0-1', 'bytes=0-1,5-6', 'bytes 0-1']) {
      const reply = await server.get(path, { Range: range });
      expect([range, reply.status, reply.body.length]).toEqual([range, 200, length]);
    }
  });

  it('any range of a fragment is that part of the whole', async () => {
    const { body } = await whole(fragmentPath);
    const random = seeded(7);
    for (let run = 0; run < 200; run += 1) {
      const first = Math.floor(random() * body.length);
      const last = first + Math.floor(random() * (body.length - first));
      const reply = await server.get(fragmentPath, { Range: `bytes=${first}-${last}` });
      expect(reply.body.equals(body.subarray(first, last + 1)), `bytes=${first}-${last}`).toBe(true);
    }
  });

  it('takes the range only of the representation that If-Range names', async () => {
    const { etag, body } = await whole(target);
    const ranged = async (condition: string): Promise<[number, number]> => {
      const reply = await server.get(target, { Range: 'bytes=10-19', 'If-Range': condition });
      return [reply.status, reply.body.length];
    };
    expect(await ranged(etag)).toEqual([206, 10]);
    expect(await ranged('"x"')).toEqual([200, body.length]);
    expect(await ranged(`W/${etag}`)).toEqual([200, body.length]);
    expect(await ranged(new Date().toUTCString())).toEqual([200, body.length]);
  });

  it('ignores a range in HEAD', async () => {
    const { body } = await whole(target);
    const reply = await server.get(target, { Range: 'bytes=0-9' }, 'HEAD');
    expect([reply.status, reply.headers['content-length']]).toEqual([200, String(body.length)]);
  });

  it('lets a fragment begun at one origin be finished at another', async () => {
    const { etag, body } = await whole(target);
    const other = await startOrigin(new FolderContent(helloFolder));
    try {
      const rest = await other.get(target, { Range: 'bytes=1000-', 'If-Match': etag });
      expect(rest.status).toBe(206);
      const joined = Buffer.concat([body.subarray(0, 1000), rest.body]);
      expect(createHash('md5').update(joined).digest('hex')).toBe(
        createHash('md5').update(body).digest('hex'),
      );
    } finally {
      await other.close();
    }
  });
});
