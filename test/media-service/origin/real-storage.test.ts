import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientId, clientSecret, startService, type RunningService } from '../running-service.ts';
import { FolderContent, locatorGuid } from './folder-content.ts';
import { everyPath, helloFolder, startOrigin, type OriginServer } from './origin-server.ts';
import { publishFiles } from './publish.ts';

let running: RunningService;
let folder: OriginServer;
let locator: string;

beforeAll(async () => {
  [running, folder] = await Promise.all([startService(), startOrigin(new FolderContent(helloFolder))]);
  const files = new Map<string, Buffer>();
  for (const name of await readdir(helloFolder)) files.set(name, await readFile(join(helloFolder, name)));
  locator = await publishFiles(
    { url: running.service.url, clientId, clientSecret, account: running.azurite.account('mediaa') },
    files,
  );
});
afterAll(async () => {
  await Promise.all([running.close(), folder.close()]);
});

describe('a media service over real storage', () => {
  it('answers every URL with the bytes of the stored files', async () => {
    for (const path of await everyPath(folder)) {
      const expected = await folder.get(path);
      const url = running.service.url + path.replace(locatorGuid, locator);
      const response = await fetch(url);
      expect([path, response.status]).toEqual([path, 200]);
      expect(Buffer.from(await response.arrayBuffer()).equals(expected.body), path).toBe(true);
      for (const name of ['content-type', 'content-length', 'cache-control']) {
        expect(response.headers.get(name)).toBe(expected.headers[name]);
      }
      // What was answered is good for the same question again.
      const again = await fetch(url, { headers: { 'If-None-Match': response.headers.get('etag')! } });
      expect(again.status).toBe(304);
      await again.arrayBuffer();
    }
  });

  it('reads a range of a file from the storage', async () => {
    const url = `${running.service.url}/${locator}/hello_640x360_960.cmfv`;
    const response = await fetch(url, { headers: { Range: 'bytes=1000-1999' } });
    expect(response.status).toBe(206);
    const stored = await readFile(join(helloFolder, 'hello_640x360_960.cmfv'));
    expect(Buffer.from(await response.arrayBuffer()).equals(stored.subarray(1000, 2000))).toBe(true);
  });

  it('is healthy with it', async () => {
    const response = await fetch(`${running.service.url}/health/content`);
    expect([response.status, await response.json()]).toEqual([200, { healthy: true, sampled: 1, failed: 0 }]);
  });

  it('says 503 when the storage is gone', async () => {
    await running.azurite.close();
    const path = `/${locator}/hello.ism/manifest(format=m3u8-cmaf)`;
    // What is known of the locator is good for two seconds.
    let response = await fetch(running.service.url + path);
    const deadline = Date.now() + 30_000;
    while (response.status === 200 && Date.now() < deadline) {
      await response.arrayBuffer();
      response = await fetch(running.service.url + path);
    }
    expect([response.status, response.headers.get('cache-control')]).toEqual([503, 'no-store']);
    expect(await response.json()).toMatchObject({ code: 'storage-unavailable' });
  });
});
