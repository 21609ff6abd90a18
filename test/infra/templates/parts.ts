import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../../../src/local/stack/ports.ts';
import { containerOf, type AssetId } from '../../../src/media-service/model.ts';
import { workflowSettings, settingsOf } from '../app-settings.ts';
import { type Templates } from '../compiled-templates.ts';
import { at, ofType, placeOf, textOf, valuesOf } from '../snapshot.ts';

/** Storage, the workflow, the media service and its encoders. */
export function parts(of: Templates): void {
  it('run on Durable Task Scheduler where asked, each app on a task hub of its own data center', () => {
    const hubs = ofType(of('scheduler'), 'Microsoft.DurableTask/schedulers/taskHubs');
    for (const [index, settings] of workflowSettings(of('scheduler').resources).entries()) {
      const hub = hubs.find((one) => placeOf(one) === 'ab'[index]);
      expect(settings).toMatchObject({
        AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'azureManaged',
        AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName:
          'DURABLE_TASK_SCHEDULER',
        DURABLE_TASK_SCHEDULER: expect.stringContaining('Authentication=ManagedIdentity') as string,
        AzureFunctionsJobHost__extensions__durableTask__hubName: hub?.name.split('/').at(-1),
      });
    }
    for (const settings of workflowSettings(of('main').resources)) {
      expect(Object.keys(settings)).not.toContain('DURABLE_TASK_SCHEDULER');
    }
  });

  it('keep media in two zones and for some days after a delete, in production', () => {
    for (const { sku, name } of ofType(of('main'), 'Microsoft.Storage/storageAccounts')) {
      expect([name, sku]).toEqual([name, { name: 'Standard_ZRS' }]);
    }
    const media = ofType(of('main'), 'Microsoft.Storage/storageAccounts/blobServices').filter(({ name }) =>
      name.startsWith('stmedia'),
    );
    expect(media).toHaveLength(2);
    for (const { properties } of media) {
      expect(properties).toMatchObject({
        deleteRetentionPolicy: { enabled: true, days: 7 },
        containerDeleteRetentionPolicy: { enabled: true, days: 7 },
      });
    }
  });

  it('move media that nobody reads to a tier that gives them back at a read, and delete none', () => {
    const policies = ofType(of('main'), 'Microsoft.Storage/storageAccounts/managementPolicies');
    expect(policies).toHaveLength(2);
    const container = containerOf('nb:cid:UUID:00000000-0000-0000-0000-000000000004' as AssetId);
    for (const { properties } of policies) {
      const [rule, ...more] = valuesOf(properties, 'rules').flat();
      expect(more).toEqual([]);
      const [prefix = ''] = valuesOf(rule ?? {}, 'prefixMatch').flat();
      expect(container.startsWith(textOf(prefix))).toBe(true);
      // Every other tier keeps what it has, and asks a price for every read.
      expect(at(rule, 'definition', 'actions')).toEqual({
        baseBlob: {
          enableAutoTierToHotFromCool: true,
          tierToCool: { daysAfterLastAccessTimeGreaterThan: 30 },
        },
      });
    }
  });

  it('run the workflow on Flex Consumption, with its package in its own storage, read by its identity', () => {
    const { resources } = of('main');
    const apps = ofType(of('main'), 'Microsoft.Web/sites');
    expect(apps).toHaveLength(2);
    for (const app of apps) {
      const storage = resources.find(
        (one) =>
          one.type === 'Microsoft.Storage/storageAccounts' &&
          one.name.startsWith('stflow') &&
          placeOf(one) === placeOf(app),
      );
      const packages = at(app.properties, 'functionAppConfig', 'deployment', 'storage');
      expect(packages).toMatchObject({
        type: 'blobContainer',
        authentication: { type: 'UserAssignedIdentity' },
      });
      const address = textOf(at(packages, 'value'));
      expect(address).toContain(storage?.name);
      const [, container = ''] = /format\('\{0\}([a-z-]+)'/.exec(address) ?? [];
      expect(resources.map(({ id }) => id)).toContain(
        `${storage?.id ?? ''}/blobServices/default/containers/${container}`,
      );
      expect(app.properties['functionAppConfig']).toMatchObject({
        runtime: { name: 'node', version: '22' },
        siteUpdateStrategy: { type: 'RollingUpdate' },
      });
      const plan = resources.find(({ id }) => id === app.properties['serverFarmId']);
      expect(plan).toMatchObject({ sku: { name: 'FC1' }, properties: { reserved: true } });
    }
    // What only the other plans know: here they are refused, or stand in the way.
    for (const settings of workflowSettings(resources)) {
      for (const setting of Object.keys(settings)) {
        expect(setting).not.toMatch(/^(FUNCTIONS_|WEBSITE_|AzureWebJobsStorage$|SCM_|ENABLE_ORYX)/);
      }
    }
  });

  it('run each data center on the image of its own, so that a new one is tried in one first', () => {
    const images = [
      ...ofType(of('scheduler'), 'Microsoft.App/containerApps'),
      ...ofType(of('scheduler'), 'Microsoft.App/jobs'),
    ].map((one) => [placeOf(one), ...valuesOf(one.properties, 'image')]);
    expect(images).toEqual([
      ['a', 'crfailover.azurecr.io/media-service:1'],
      ['b', 'crfailover.azurecr.io/media-service:2'],
      ['a', 'crfailover.azurecr.io/media-service:1'],
      ['b', 'crfailover.azurecr.io/media-service:2'],
    ]);
  });

  it('answer the platform before the first image is there, and tell the edge that there is no content', async () => {
    const [app] = ofType(of('main'), 'Microsoft.App/containerApps');
    const [[shell = '', option = '', script = ''] = []] = valuesOf(app?.properties ?? {}, 'command').map(
      (command) => (command as readonly string[]).map(String),
    );
    const folder = await mkdtemp(join(tmpdir(), 'stand-in-'));
    const port = await freePort(0);
    const child = spawn(shell, [option, script.replace('8080', String(port))], {
      cwd: folder,
      stdio: 'ignore',
    });
    try {
      const ask = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
      await expect
        .poll(() => ask('/health').then(({ status }) => status, String), { timeout: 10_000 })
        .toBe(200);
      for (const path of ['/health/content', '/0c2f/hello.ism/manifest']) {
        const answer = await ask(path);
        expect([path, answer.status]).toEqual([path, 503]);
        expect(answer.headers.get('cache-control')).toBe('no-store');
      }
    } finally {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    }
  });

  it('run encoders one message an execution, and kill none before its own limit', () => {
    const jobs = ofType(of('scheduler'), 'Microsoft.App/jobs');
    expect(jobs).toHaveLength(2);
    for (const { properties } of jobs) {
      expect(properties['configuration']).toMatchObject({
        triggerType: 'Event',
        replicaRetryLimit: 0,
        eventTriggerConfig: { parallelism: 1, replicaCompletionCount: 1, scale: { minExecutions: 0 } },
      });
      const limit = Number(settingsOf(properties)['ENCODER_TIME_LIMIT_MINUTES']);
      expect(Number(at(properties, 'configuration', 'replicaTimeout'))).toBeGreaterThan(limit * 60);
      const rule = at(properties, 'configuration', 'eventTriggerConfig', 'scale', 'rules', 0);
      expect(rule).toMatchObject({ type: 'azure-queue', metadata: { queueLength: '1' } });
      // Its own data center's storage, as the encoder itself.
      expect(at(rule, 'metadata', 'accountName')).toBe(settingsOf(properties)['MEDIA_SERVICE_ACCOUNT']);
      expect(textOf(at(rule, 'identity'))).toMatch(/\/userAssignedIdentities\/id-media-encoder-[ab]-\w+$/);
      const queues = ofType(of('scheduler'), 'Microsoft.Storage/storageAccounts/queueServices/queues');
      expect(queues.map(({ name }) => name.split('/').at(-1))).toContain(at(rule, 'metadata', 'queueName'));
    }
  });
}
