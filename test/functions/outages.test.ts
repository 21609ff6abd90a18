import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { dataCenterKeys, otherDataCenter, type DataCenterKey } from '../../src/streams/data-center.ts';
import { runFailover } from '../cli/run-failover.ts';
import { sampleOf, shapeOf } from '../docs/samples.ts';
import { startFaultProxy, type Fault, type FaultProxy } from '../fault-proxy.ts';
import { TwoDataCenters } from '../two-data-centers.ts';
import { FunctionApp, type Answer } from './function-app.ts';

const hang: Fault = { kind: 'hang' };
const refuse: Fault = { kind: 'refuse' };
const busy: Fault = { kind: 'answer', status: 503 };
const none = /(?!)/;
/** Milliseconds: four seconds of waiting for the media service, and what a busy machine adds. */
const glance = 9000;

/** The workflow sees both media services through proxies, which let one of them be lost. */
describe('while a data center is lost', () => {
  let both: TwoDataCenters;
  let app: FunctionApp;
  const proxies: FaultProxy[] = [];
  const fault = new Map<DataCenterKey, Fault | Promise<undefined>>();
  /** The requests to the table of durable instances that get no good answer. */
  let lostInstances = none;

  beforeAll(async () => {
    both = await TwoDataCenters.start();
    await both.startFixtureEncoder('a');
    const settings = both.workflowSettings();
    for (const key of dataCenterKeys) {
      const proxy = await startFaultProxy(both.mediaApi(key), () => fault.get(key));
      proxies.push(proxy);
      settings[`DATA_CENTER_${key.toUpperCase()}_MEDIA_API`] = `http://${proxy.host}/api/`;
      settings[`DATA_CENTER_${key.toUpperCase()}_TOKEN_URL`] = `http://${proxy.host}/oauth2/token`;
    }
    const own = both.azurite.account('functions');
    const tables = await startFaultProxy(own.tableUrl, ({ url }) =>
      lostInstances.test(url) ? busy : undefined,
    );
    proxies.push(tables);
    settings['AzureWebJobsStorage'] = own.connectionString.replace(new URL(own.tableUrl).host, tables.host);
    app = await FunctionApp.start({ ...settings, TARGET_PATIENCE_MINUTES: '0', RESYNC_MODE: 'report' });
  });
  afterAll(async () => {
    await app.kill();
    for (const proxy of proxies) await proxy.close();
    await both.close();
  });

  async function lost<Result>(
    key: DataCenterKey,
    how: Fault | Promise<undefined>,
    work: () => Promise<Result>,
  ): Promise<Result> {
    fault.set(key, how);
    try {
      return await work();
    } finally {
      fault.delete(key);
    }
  }

  async function within(milliseconds: number, path: string): Promise<Answer> {
    const begun = performance.now();
    const answer = await app.call('GET', path);
    expect(performance.now() - begun).toBeLessThan(milliseconds);
    return answer;
  }

  const unreachable = {
    reachable: false,
    problem: { code: 'media-service-unreachable', retriable: true, message: expect.any(String) as unknown },
  };

  it('lists streams within seconds, also when not even a token can be got there', async () => {
    await lost('b', hang, async () => {
      expect(await within(glance, '/api/streams')).toMatchObject({
        status: 200,
        json: { streams: [], sides: { a: { reachable: true }, b: unreachable } },
      });
    });
  });

  it('publishes without the target, not protected; the re-sync once it is back protects it', async () => {
    const assetId = await both.upload('a', { 'film.mp4': 'a video' });
    const result = await lost('b', refuse, async () => {
      const { json } = await app.call('POST', '/api/streams', { streamId: 'film', input: { assetId } });
      return app.follow(json['operationId']);
    });
    expect(result).toMatchObject({
      status: 'succeeded',
      result: { protected: false, problem: { code: 'media-service-unreachable' } },
    });
    expect(await both.media('b').assetsByAlternateId('film')).toEqual([]);

    const { json } = await app.call('POST', '/api/resync', { mode: 'repair' });
    expect(await app.follow(json['operationId'])).toMatchObject({
      status: 'succeeded',
      result: { mode: 'repair', repaired: 1, unprotected: 0, open: [] },
    });
    const stream = await app.call('GET', '/api/streams/film');
    expect(stream).toMatchObject({ json: { protected: true, differences: [] } });
    const { a, b } = stream.json['sides'] as Record<DataCenterKey, { locatorId: string }>;
    expect(b.locatorId).toBe(a.locatorId);
  });

  it.each([
    ['a', 'refuses', refuse],
    ['a', 'hangs', hang],
    ['b', 'refuses', refuse],
    ['b', 'hangs', hang],
  ] as const)('tells people within seconds that %s is unreachable when it %s', async (key, _how, how) => {
    const other = otherDataCenter(key);
    const sides = { [key]: unreachable, [other]: { reachable: true } };
    await lost(key, how, async () => {
      const [stream, list, missing] = await Promise.all([
        within(glance, '/api/streams/film'),
        within(glance, '/api/streams'),
        within(glance, '/api/streams/nobody'),
      ]);
      expect(stream).toMatchObject({
        status: 200,
        json: { source: 'a', protected: false, differences: [], sides: { ...sides, [other]: { files: 5 } } },
      });
      if (key === 'b') expect(shapeOf(stream.json)).toEqual(shapeOf(await sampleOf('stream')));
      expect(list).toMatchObject({ status: 200, json: { streams: [{ streamId: 'film' }], sides } });
      // It may be where nobody can look now.
      expect(missing).toMatchObject({ status: 503, json: { code: 'media-service-unreachable' } });
    });
    expect(await app.call('GET', '/api/streams/film')).toMatchObject({ json: { protected: true } });
  });

  it('answers within seconds that nothing can be uploaded to a data center that hangs', async () => {
    await lost('a', hang, async () => {
      const begun = performance.now();
      expect(await app.call('POST', '/api/uploads', { fileName: 'film.mp4' })).toMatchObject({
        status: 503,
        json: { code: 'media-service-unreachable' },
      });
      expect(performance.now() - begun).toBeLessThan(glance);
    });
  });

  it('asks to come again while the durable engine cannot reach its storage', async () => {
    const request = {
      streamId: 'later',
      input: { assetId: await both.upload('a', { 'film.mp4': 'a video' }) },
    };
    const { json } = await app.call('POST', '/api/streams/film/verify', { level: 'properties' });
    const operation = `/api/operations/${String(json['operationId'])}`;
    lostInstances = /Instances/;
    try {
      const answers = await Promise.all([
        app.call('POST', '/api/streams', request),
        app.call('GET', operation),
        app.call('POST', `${operation}/cancel`),
      ]);
      const told = { status: 503, json: { code: 'storage-unreachable' } };
      expect(answers).toMatchObject([told, told, told]);
    } finally {
      lostInstances = none;
    }
    expect(await app.follow(json['operationId'])).toMatchObject({ status: 'succeeded' });
    expect(await app.call('POST', '/api/streams', request)).toMatchObject({ status: 202 });
  });

  it('answers within seconds that nothing can be said when both are lost', async () => {
    await lost('a', hang, () =>
      lost('b', hang, async () => {
        const answers = ['/api/streams/film', '/api/streams'].map((path) => within(glance, path));
        for (const answer of await Promise.all(answers)) {
          expect(answer).toMatchObject({ status: 503, json: { code: 'media-service-unreachable' } });
        }
      }),
    );
  });

  it('shows in failover status and failover list which one is unreachable', async () => {
    const options = { cwd: tmpdir(), env: { FAILOVER_URL: app.url, FAILOVER_KEY: app.key } };
    await lost('b', hang, async () => {
      const [status, list] = await Promise.all([
        runFailover(['status', 'film'], options),
        runFailover(['list'], options),
      ]);
      expect(status.stdout).toMatch(/data center A .* 5 files/);
      expect(status.stdout).toMatch(/data center B .* unreachable/);
      expect(status.code).toBe(0);
      expect(list.stdout).toContain('film');
      expect(list.stderr).toContain('Data center B is unreachable');
      expect(list.code).toBe(0);
    });
  });

  describe('the timer', () => {
    const due = (): { operationId?: string }[] =>
      [...app.log.matchAll(/\{\\?"event\\?":\\?"ResyncDue\\?"[^}]*\}/g)].map(
        ([line]) => JSON.parse(line.replaceAll('\\"', '"')) as { operationId?: string },
      );

    /** Runs the timer's function, and answers with the operations that each run of it was about. */
    async function fire(times: number): Promise<(string | undefined)[]> {
      const before = due().length;
      for (let count = 0; count < times; count += 1) {
        const { status } = await app.call('POST', '/admin/functions/resyncTimer', {}, { key: app.masterKey });
        expect(status).toBe(202);
      }
      await vi.waitUntil(() => due().length === before + times, { timeout: 20_000 });
      return due()
        .slice(before)
        .map(({ operationId }) => operationId);
    }

    it('begins a re-sync as RESYNC_MODE says; mode report changes nothing', async () => {
      await both.publishFixture('a', 'alone');
      const [operationId] = await fire(1);
      expect(await app.follow(operationId)).toMatchObject({
        kind: 'resync',
        status: 'succeeded',
        result: { mode: 'report', checked: 2, unprotected: 1, repaired: 0, open: [{ streamId: 'alone' }] },
      });
      expect(await both.media('b').assetsByAlternateId('alone')).toEqual([]);
      const [published] = await both.media('a').assetsByAlternateId('alone');
      expect(await both.media('a').locators(published!.Id)).toEqual([]);
    });

    it('joins the re-sync that is running, and leaves one of another mode to its end', async () => {
      for (const mode of ['report', 'repair']) {
        let release: (nothing: undefined) => void = () => undefined;
        const held = new Promise<undefined>((resolve) => (release = resolve));
        const operationId = await lost('b', held, async () => {
          const { json } = await app.call('POST', '/api/resync', { mode });
          const joined = mode === 'report' ? String(json['operationId']) : undefined;
          expect(await fire(3)).toEqual([joined, joined, joined]);
          release(undefined);
          return json['operationId'];
        });
        expect(await app.follow(operationId)).toMatchObject({ status: 'succeeded', result: { mode } });
        const claim = await both.dependencies.claims.read('~resync');
        expect(`~resync-${claim!.runId}`).toBe(operationId);
      }
    });
  });
});
