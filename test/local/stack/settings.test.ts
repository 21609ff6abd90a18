import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeLocalSettings } from '../../../src/local/stack/local-settings.ts';
import { freePort } from '../../../src/local/stack/ports.ts';
import { readJson } from '../../../src/local/stack/private-file.ts';
import { readSettings, writeSettings } from '../../../src/local/stack/settings.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'settings-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

test('secrets are made once, kept, and readable by this user only', async () => {
  const first = await readSettings(directory);
  expect(first.fresh).toBe(true);
  const again = await readSettings(directory);
  expect(again).toEqual({ settings: first.settings, fresh: false });
  const { storageKeys, clientSecret, functionsKey } = first.settings.secrets;
  expect(new Set([...Object.values(storageKeys), clientSecret, functionsKey]).size).toBe(5);
  expect((await stat(join(directory, 'settings.json'))).mode & 0o777).toBe(0o600);
});

test('changed settings are kept as a whole, and nothing else is left in the folder', async () => {
  const { settings } = await readSettings(directory);
  settings.ports.edge = 12_345;
  await Promise.all([writeSettings(directory, settings), writeSettings(directory, settings)]);
  expect((await readSettings(directory)).settings.ports.edge).toBe(12_345);
  expect(await readdir(directory)).toEqual(['settings.json']);
});

test('settings of another form are refused with what to do', async () => {
  await writeFile(join(directory, 'settings.json'), '{"version":0}');
  await expect(readSettings(directory)).rejects.toThrow(`Remove ${directory}`);
});

test('a port that is taken is replaced by a free one', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  expect(await freePort(port)).not.toBe(port);
  server.close();
  await once(server, 'close');
  expect(await freePort(port)).toBe(port);
});

test("local.settings.json is written and replaced, but never a person's own", async () => {
  const path = join(directory, 'local.settings.json');
  await writeLocalSettings(directory, { values: { A: '1' }, port: 7071 });
  await writeLocalSettings(directory, { values: { A: '2' }, port: 7072 });
  expect(await readJson(path)).toMatchObject({
    IsEncrypted: false,
    Values: { A: '2' },
    Host: { LocalHttpPort: 7072 },
  });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await writeFile(path, '{"Values":{"A":"mine"}}');
  await expect(writeLocalSettings(directory, { values: {}, port: 1 })).rejects.toThrow('is your own');
  expect(await readJson(path)).toEqual({ Values: { A: 'mine' } });
});
