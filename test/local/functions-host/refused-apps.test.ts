import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { execFile } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from 'vitest';
import { startAzurite, type Azurite } from '../../../src/local/azurite.ts';
import { buildApp } from './functions-host.ts';

const run = promisify(execFile);

describe('an app that cannot be run', () => {
  let azurite: Azurite;
  let place: string;
  let folder: string;
  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'functions-host-'));
    azurite = await startAzurite({ location: place, accounts: { functions: undefined } });
  });
  afterAll(async () => {
    await azurite.close();
    await rm(place, { recursive: true, force: true });
  });
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'functions-app-'))));
  afterEach(() => rm(folder, { recursive: true }));

  /** What the host says as it ends, which it must do with an exit code. */
  async function refusal(hostJson: unknown, settings: Record<string, string> = {}): Promise<string> {
    await writeFile(join(folder, 'host.json'), JSON.stringify(hostJson));
    const environment = {
      PATH: process.env['PATH'],
      AzureWebJobsStorage: azurite.account('functions').connectionString,
      ...settings,
    };
    const command = [resolve('dist/local/functions-host.mjs'), '--app', folder, '--port', '0'];
    const ended = await run(process.execPath, command, { env: environment, timeout: 20_000 }).catch(
      (error: unknown) => error as { code: number; stdout: string; stderr: string },
    );
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    return ended.stderr;
  }
  const plain = { version: '2.0' };
  const hub = (durableTask: unknown): unknown => ({ ...plain, extensions: { durableTask } });
  const functions = (contents: string): Promise<void> =>
    buildApp(folder, {
      contents: `import { app } from '@azure/functions'; import * as df from 'durable-functions'; ${contents}`,
    });
  const one = `app.http('one', { handler: () => ({}) });`;

  it.each([
    [
      'two functions of one name',
      `${one} app.timer('One', { schedule: '0 0 0 1 1 *', handler: () => {} });`,
      /Two functions are named One/,
    ],
    [
      'an entity',
      `df.app.entity('counter', () => {});`,
      /counter has a trigger of type entityTrigger.*no entities/,
    ],
    [
      'a queue trigger',
      `app.storageQueue('q', { queueName: 'q', connection: 'c', handler: () => {} });`,
      /q has a trigger of type queueTrigger/,
    ],
    [
      'a schedule that is none',
      `app.timer('t', { schedule: 'whenever', handler: () => {} });`,
      /timer t has no usable schedule: whenever/,
    ],
    [
      'an unknown route constraint',
      `app.http('r', { route: 'a/{b:odd}', handler: () => ({}) });`,
      /unknown constraint: odd/,
    ],
    ['an error while it loads', `throw new Error('broken app');`, /throws while it loads: Error: broken app/],
    ['no function at all', ``, /registers no function/],
  ])('because of %s', async (_, contents, message) => {
    await functions(contents);
    expect(await refusal(plain)).toMatch(message);
  });

  it('because it is not there or not built', async () => {
    expect(await refusal(plain)).toMatch(/package\.json is not there/);
    await writeFile(join(folder, 'package.json'), '{"main":"dist/main.js"}');
    expect(await refusal(plain)).toMatch(/build the app first/);
  });

  it.each([
    ['a hub name with a hyphen', hub({ hubName: 'my-hub' }), /hubName: must be 3 to 41 letters and digits/],
    [
      'a lease of half a minute',
      hub({ storageProvider: { workItemQueueVisibilityTimeout: '00:00:30' } }),
      /workItemQueueVisibilityTimeout: must be between 00:01:00 and 01:00:00/,
    ],
    ['another storage provider', hub({ storageProvider: { type: 'mssql' } }), /Azure Storage only/],
    ['another version', { version: '1.0' }, /version/],
  ])('because host.json has %s', async (_, hostJson, message) => {
    await functions(one);
    expect(await refusal(hostJson)).toMatch(message);
  });

  it('because its own settings are wrong: all are told at once, by name and without their values', async () => {
    await functions(one);
    const said = await refusal(plain, { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: 'lots', LOG_LEVEL: 'chatty' });
    expect(said).toMatch(/FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: .*LOG_LEVEL: /);
    expect(said).not.toMatch(/lots|chatty/);
  });

  it('because its storage is not set, or wrong; the key is not shown', async () => {
    await functions(one);
    expect(await refusal(plain, { AzureWebJobsStorage: '' })).toMatch(/AzureWebJobsStorage is missing/);
    const wrong = 'DefaultEndpointsProtocol=https;SharedAccessSignature=sig%3Dsecret';
    const said = await refusal(plain, { AzureWebJobsStorage: wrong });
    expect(said).toMatch(/no storage connection string with a key/);
    expect(said).not.toContain('secret');
  });
});
