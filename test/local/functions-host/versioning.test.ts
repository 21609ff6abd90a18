import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runsVersion } from '../../../src/local/functions-host/durable/versioning.ts';
import { ContractApp, contract } from './functions-host.ts';
import { ended, raise, running, start, statusOf, type Urls } from './orchestrations.ts';

/** Tells its own version and its children's: one called without a version, one with one of its own. */
const contents = `
  import { app } from '@azure/functions';
  import * as df from 'durable-functions';
  df.app.orchestration('versioned', function* (context) {
    context.df.setCustomStatus({ version: context.df.version ?? null });
    yield context.df.waitForExternalEvent('go');
    const child = yield context.df.callSubOrchestrator('child', {});
    const old = yield context.df.callSubOrchestrator('child', {}, undefined, '0.9');
    return { version: context.df.version ?? null, child, old };
  });
  df.app.orchestration('child', function* (context) {
    return { version: context.df.version ?? null };
  });
  app.http('start', {
    route: 'start/{name}/{id?}',
    methods: ['POST'],
    authLevel: 'anonymous',
    extraInputs: [df.input.durableClient()],
    handler: async (request, context) => {
      const client = df.getClient(context);
      const input = await request.json();
      const options = { instanceId: request.params.id, input, version: input.version };
      return client.createCheckStatusResponse(request, await client.startNew(request.params.name, options));
    },
  });`;

const withVersion = (
  version: string,
  more: Record<string, string> = {},
): { settings: Record<string, string> } => ({
  settings: { AzureFunctionsJobHost__extensions__durableTask__defaultVersion: version, ...more },
});

contract('versions of orchestrations', (kind) => {
  let app: ContractApp;
  beforeAll(async () => {
    app = await ContractApp.create({ contents });
  });
  afterAll(() => app.close());

  it('stay with a run through a deploy; what starts afterwards, its children too, has the new one', async () => {
    const hub = `upgrade${kind}`;
    const before = await app.start(hub, { kind, ...withVersion('1.0') });
    const old = await start(before.url, 'versioned', {}, 'old');
    await running(old);
    await before.kill('SIGTERM');

    const after = await app.start(hub, { kind, ...withVersion('2.0') });
    const urls = at(old, before.url, after.url);
    await raise(urls, 'go', {});
    expect(await ended(urls)).toMatchObject({
      runtimeStatus: 'Completed',
      output: { version: '1.0', child: { version: '2.0' }, old: { version: '0.9' } },
    });
    const fresh = await start(after.url, 'versioned', {});
    await raise(fresh, 'go', {});
    expect((await ended(fresh)).output).toMatchObject({ version: '2.0' });
    const chosen = await start(after.url, 'versioned', { version: '1.5' });
    await raise(chosen, 'go', {});
    expect((await ended(chosen)).output).toMatchObject({ version: '1.5' });
    await after.kill('SIGTERM');
  });

  it('newer than a host knows wait for one that knows them', async () => {
    const hub = `rollback${kind}`;
    const old = await app.start(hub, { kind, ...withVersion('1.0') });
    const ahead = await start(old.url, 'versioned', { version: '2.0' });
    await raise(ahead, 'go', {});
    // What comes later and is the host's to run has been run by then.
    const own = await start(old.url, 'versioned', {});
    await raise(own, 'go', {});
    expect((await ended(own)).output).toMatchObject({ version: '1.0' });
    expect((await statusOf(ahead)).runtimeStatus).toBe('Pending');

    const newer = await app.start(hub, { kind, ...withVersion('2.0') });
    expect((await ended(at(ahead, old.url, newer.url))).output).toMatchObject({ version: '2.0' });
    await Promise.all([old.kill('SIGTERM'), newer.kill('SIGTERM')]);
  });

  it('newer than a host knows fail where host.json says so', async () => {
    const settings = { AzureFunctionsJobHost__extensions__durableTask__versionFailureStrategy: 'Fail' };
    const host = await app.start(`failing${kind}`, { kind, ...withVersion('1.0', settings) });
    const ahead = await start(host.url, 'versioned', { version: '2.0' });
    expect(await ended(ahead)).toMatchObject({ runtimeStatus: 'Failed' });
    await host.kill('SIGTERM');
  });
});

/** The same addresses at another host of the hub. */
function at(urls: Urls, before: string, after: string): Urls {
  return Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, url.replace(before, after)]));
}

describe('a host runs', () => {
  it.each([
    ['CurrentOrOlder', '1.0', [undefined, '0.9', '1.0'], ['1.0.1', '1.1', '2.0', '10.0']],
    ['CurrentOrOlder', undefined, [undefined], ['1.0']],
    ['CurrentOrOlder', 'beta', [undefined, 'alpha', 'BETA'], ['gamma']],
    ['Strict', '1.0', ['1.0'], [undefined, '0.9', '1.1']],
    ['None', '1.0', [undefined, '0.9', '7.0'], []],
  ] as const)('by %s and its version %s: %j, not %j', (match, defaultVersion, run, left) => {
    const versioning = { match, defaultVersion, failure: 'Reject' } as const;
    for (const version of run) expect([version, runsVersion(versioning, version)]).toEqual([version, true]);
    for (const version of left) expect([version, runsVersion(versioning, version)]).toEqual([version, false]);
  });
});
