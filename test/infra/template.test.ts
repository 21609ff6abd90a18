/**
 * The templates in infra/, held by the real Bicep compiler: what it says of them, and what they come to when every
 * expression is evaluated. Nothing is deployed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mediaServiceConfig, mediaServiceSettingDescriptions } from '../../src/config/media-service.ts';
import { ownTablesConfig, workflowConfig, workflowSettingDescriptions } from '../../src/config/workflow.ts';
import { containerOf, type AssetId } from '../../src/media-service/model.ts';
import { startService, type RunningService } from '../media-service/running-service.ts';
import { findBicep, type Compiled } from './bicep.ts';
import {
  at,
  ofType,
  placeOf,
  valuesOf,
  Workspace,
  type Json,
  type Resource,
  type Snapshot,
} from './snapshot.ts';

const bicep = await findBicep();
const missing = 'missing' in bicep ? bicep.missing : undefined;
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(`CI needs it: ${missing}`);

/** The two parameter files as they are, and what else the parameters offer. */
const names = ['main', 'trial', 'scheduler', 'trafficManager'] as const;
/** Production with a host name of its own. */
const named = 'named';
type Name = (typeof names)[number] | typeof named;
const refused = ['same', 'unnamed', 'uncertified'];

describe.skipIf(missing)(`the templates${missing === undefined ? '' : ` (${missing})`}`, () => {
  let workspace: Workspace;
  let built: Compiled;
  let linted: Compiled;
  const snapshots = new Map<Name, Snapshot>();
  const refusals = new Map<string, string>();
  const of = (name: Name): Snapshot => snapshots.get(name)!;

  beforeAll(async () => {
    if ('missing' in bicep) return;
    workspace = await Workspace.create(bicep);
    await workspace.derive('scheduler', 'main', {
      edge: "'none'",
      durableEngine: "'DurableTaskScheduler'",
      mediaServiceImageA: "'crfailover.azurecr.io/media-service:1'",
      mediaServiceImageB: "'crfailover.azurecr.io/media-service:2'",
      budgetStart: "'2026-02-01'",
      webOrigins: "['https://films.example.com']",
    });
    await workspace.derive('trafficManager', 'trial', {
      edge: "'trafficManager'",
      customDomain: "'films.example.com'",
      certificateSecretUrl: "'https://kv-films.vault.azure.net/secrets/films'",
      mediaServiceImageA: "'crfailover.azurecr.io/media-service:1'",
      mediaServiceImageB: "'crfailover.azurecr.io/media-service:1'",
    });
    await workspace.derive(named, 'main', { customDomain: "'films.example.com'" });
    // However it is written.
    await workspace.derive('same', 'main', { locationB: "'West Europe'" });
    await workspace.derive('unnamed', 'main', { edge: "'trafficManager'" });
    await workspace.derive('uncertified', 'main', {
      edge: "'trafficManager'",
      customDomain: "'films.example.com'",
    });
    const work = [
      ...[...names, named].map(
        (name) => async () => void snapshots.set(name as Name, await workspace.snapshot(name)),
      ),
      ...refused.map((name) => async () => void refusals.set(name, await refusalOf(workspace, name))),
      async () => void (built = await workspace.compile('build', 'main.bicep', '--stdout')),
      async () => void (linted = await workspace.compile('lint', 'main.bicep')),
    ];
    const worker = async (): Promise<void> => {
      for (let next = work.shift(); next !== undefined; next = work.shift()) await next();
    };
    await Promise.all([worker(), worker()]);
  }, 300_000);
  afterAll(async () => {
    await workspace.remove();
  });

  it('compile and lint without an error or a warning', () => {
    expect([built.ok, built.messages]).toEqual([true, '']);
    expect([linted.ok, `${linted.messages}${linted.output}`]).toEqual([true, '']);
  });

  it('refuse one region for both data centers, and Traffic Manager without a host name and its certificate', () => {
    expect(refusals.get('same')).toContain('must be two regions');
    for (const name of ['unnamed', 'uncertified']) {
      expect(refusals.get(name)).toContain('needs customDomain and its certificate');
    }
  });

  it.each(names)('%s: each data center has the same parts, all in its own region', (name) => {
    const { resources } = of(name);
    const typesIn = (place: string): string[] =>
      resources
        .filter((resource) => placeOf(resource) === place)
        .map(({ type }) => type)
        .sort();
    expect(typesIn('a')).toEqual(typesIn('b'));
    const perCenter = new Set(typesIn('a'));
    for (const type of [
      'Microsoft.Storage/storageAccounts',
      'Microsoft.App/managedEnvironments',
      'Microsoft.App/containerApps',
      'Microsoft.App/jobs',
      'Microsoft.Web/serverfarms',
      'Microsoft.Web/sites',
      'Microsoft.Insights/components',
      'Microsoft.OperationalInsights/workspaces',
      'Microsoft.Insights/actionGroups',
      'Microsoft.Insights/workbooks',
      'Microsoft.Insights/scheduledQueryRules',
      'Microsoft.ManagedIdentity/userAssignedIdentities',
    ]) {
      expect(perCenter).toContain(type);
    }
    const regions = { a: 'westeurope', b: 'northeurope' } as const;
    for (const place of ['a', 'b'] as const) {
      const locations = resources
        .filter((resource) => placeOf(resource) === place)
        .flatMap(({ location }) => (location === undefined ? [] : [location.toLowerCase()]));
      expect(new Set(locations)).toEqual(new Set([regions[place], 'global']));
    }
    // What is there once is the edge, and what could not help being shared.
    const once = new Set(resources.filter((one) => placeOf(one) === 'shared').map(({ type }) => type));
    for (const type of once) {
      expect(type).toMatch(
        /^Microsoft\.(Cdn|Network|ContainerRegistry|Resources|Authorization|Insights\/(metricAlerts|diagnosticSettings))/,
      );
    }
  });

  it.each(names)('%s: no two resources have one name', (name) => {
    const ids = of(name).resources.map(({ id }) => id.toLowerCase());
    expect(ids.length).toBe(new Set(ids).size);
    // Of these the name is part of an address, anywhere in Azure.
    const global = ['Microsoft.Storage/storageAccounts', 'Microsoft.Web/sites', 'Microsoft.Cdn/profiles'];
    for (const type of global) {
      const addresses = ofType(of(name), type).map((one) => one.name);
      expect(addresses.length).toBe(new Set(addresses).size);
      for (const address of addresses) expect(address).toMatch(/^[a-z0-9-]{3,60}$/);
    }
    for (const { name: account } of ofType(of(name), 'Microsoft.Storage/storageAccounts')) {
      expect(account).toMatch(/^[a-z0-9]{3,24}$/);
    }
  });

  it.each(names)('%s: no secret is in an app setting or an output, and no key is asked for', (name) => {
    const { text, outputs, resources } = of(name);
    expect(
      /list(Account|Service)?(Keys|Secrets|Sas)\b|AccountKey=|"sharedKey"|adminPassword/i.exec(text),
    ).toBeNull();
    const settings = [...workflowSettings(resources), ...mediaSettings(resources)].flatMap(Object.entries);
    for (const [setting, value] of settings) {
      // Which says where telemetry goes; sending takes the identity, as the next lines hold.
      if (setting === 'APPLICATIONINSIGHTS_CONNECTION_STRING') continue;
      expect(setting).not.toMatch(/SECRET|PASSWORD|_KEY$|CONNECTION_STRING/i);
      expect(value).not.toMatch(/key=|sig=|password=/i);
    }
    for (const { properties } of ofType(of(name), 'Microsoft.Insights/components')) {
      expect(properties).toMatchObject({ DisableLocalAuth: true });
    }
    expect(Object.keys(outputs).length).toBeGreaterThan(5);
    for (const [output, value] of Object.entries(outputs)) {
      expect(output).not.toMatch(/SECRET|PASSWORD|KEY|CONNECTION|TOKEN/);
      expect(textOf(value)).not.toMatch(/key|token|connectionString|secret/i);
    }
    for (const { properties } of ofType(of(name), 'Microsoft.Storage/storageAccounts')) {
      expect(properties).toMatchObject({ allowSharedKeyAccess: false, allowBlobPublicAccess: false });
    }
    for (const { properties } of ofType(of(name), 'Microsoft.ContainerRegistry/registries')) {
      expect(properties).toMatchObject({ adminUserEnabled: false, anonymousPullEnabled: false });
    }
    for (const { properties } of ofType(of(name), 'Microsoft.Web/sites/basicPublishingCredentialsPolicies')) {
      expect(properties).toEqual({ allow: false });
    }
  });

  it.each(names)('%s: the workflow gets every setting that it reads, and none that it does not', (name) => {
    /** With why it is not set. */
    const leftOut = {
      DATA_CENTER_A_TOKEN_URL: 'tokens come from Entra',
      DATA_CENTER_B_TOKEN_URL: 'tokens come from Entra',
      MEDIA_TENANT_ID: 'goes with a client secret',
      MEDIA_CLIENT_SECRET: 'the managed identity is used',
    };
    const known = workflowSettingDescriptions.map((setting) => setting.name);
    const expected = known.filter((setting) => !(setting in leftOut)).sort();
    const all = workflowSettings(of(name).resources);
    expect(all).toHaveLength(2);
    for (const [index, settings] of all.entries()) {
      const own = Object.keys(settings).filter((setting) => !isOfTheHost(setting));
      expect(own.sort()).toEqual(expected);
      const config = workflowConfig(evaluated(settings));
      expect(config.home).toBe(index === 0 ? 'a' : 'b');
      expect(config.dataCenters.a.mediaApi).not.toBe(config.dataCenters.b.mediaApi);
      expect(config.credentials).toMatchObject({ clientSecret: undefined, resource: 'api://failover-media' });
      expect(config.applicationInsights?.identity?.clientId).toBeDefined();
      expect(ownTablesConfig(evaluated(settings))).toMatchObject({
        kind: 'identity',
        tableUrl: `https://${settings['AzureWebJobsStorage__accountName'] ?? ''}.table.core.windows.net`,
      });
    }
    const hubs = all.map((settings) => settings['AzureFunctionsJobHost__extensions__durableTask__hubName']);
    expect(new Set(hubs).size).toBe(2);
    for (const hub of hubs) expect(hub).toMatch(/^[A-Za-z][A-Za-z0-9]{2,44}$/);
  });

  it('leave what the workflow does as its settings are by default', () => {
    const [settings = {}] = workflowSettings(of('main').resources);
    for (const { name, defaultValue } of workflowSettingDescriptions) {
      // A public name of the retired service; the operator's own stands for it here.
      if (defaultValue === undefined || name === 'MEDIA_RESOURCE') continue;
      expect([name, settings[name]]).toEqual([name, defaultValue]);
    }
  });

  it.each(names)('%s: the media services get every setting that they read, and none other', (name) => {
    const leftOut = {
      MEDIA_SERVICE_CLIENT_ID: 'tokens come from Entra',
      MEDIA_SERVICE_CLIENT_SECRET: 'tokens come from Entra',
      STORAGE_CONNECTION_STRING: 'the managed identity is used',
    };
    const known = mediaServiceSettingDescriptions.map((setting) => setting.name);
    const expected = known.filter((setting) => !(setting in leftOut)).sort();
    const all = mediaSettings(of(name).resources);
    expect(all).toHaveLength(4);
    for (const settings of all) {
      expect(Object.keys(settings).sort()).toEqual(expected);
      const config = mediaServiceConfig(evaluated(settings));
      expect(config.storage).toMatchObject({ kind: 'identity', clientId: expect.any(String) as string });
      expect(config.tokens).toMatchObject({ kind: 'entra', audiences: ['api://failover-media'] });
    }
    expect(all.map((settings) => settings['MEDIA_SERVICE_ROLES']).sort()).toEqual([
      ...['api', 'api'],
      ...['encoder', 'encoder'],
    ]);
  });

  it('give the roles that docs/deployment.md lists, each within its own data center', async () => {
    const told = await documentedRoles();
    // Every one: with Durable Task Scheduler there is one more.
    expect(new Set(assignedRoles(of('scheduler')))).toEqual(new Set(told));
    const withoutScheduler = told.filter((row) => !row.includes('Durable Task'));
    for (const name of ['main', 'trial', 'trafficManager'] as const) {
      expect(new Set(assignedRoles(of(name)))).toEqual(new Set(withoutScheduler));
    }
    // Twice each: once a data center.
    expect(assignedRoles(of('scheduler'))).toHaveLength(told.length * 2);
  });

  it.each(names)('%s: everything goes over TLS', (name) => {
    const snapshot = of(name);
    expect(snapshot.text.match(/http:\/\/[^"]*/g)).toBeNull();
    for (const { properties } of ofType(snapshot, 'Microsoft.Storage/storageAccounts')) {
      expect(properties).toMatchObject({ supportsHttpsTrafficOnly: true, minimumTlsVersion: 'TLS1_2' });
    }
    for (const { properties } of ofType(snapshot, 'Microsoft.Web/sites')) {
      expect(properties).toMatchObject({
        httpsOnly: true,
        siteConfig: { minTlsVersion: '1.2', scmMinTlsVersion: '1.2', ftpsState: 'Disabled' },
      });
    }
    for (const { properties } of ofType(snapshot, 'Microsoft.App/containerApps')) {
      expect(at(properties, 'configuration', 'ingress', 'allowInsecure')).toBe(false);
    }
    for (const { properties } of ofType(snapshot, 'Microsoft.Cdn/profiles/afdEndpoints/routes')) {
      expect(properties).toMatchObject({ httpsRedirect: 'Enabled', forwardingProtocol: 'HttpsOnly' });
    }
    for (const { properties } of ofType(snapshot, 'Microsoft.Network/trafficmanagerprofiles')) {
      expect(at(properties, 'monitorConfig', 'protocol')).toBe('HTTPS');
    }
  });

  it.each(names)(
    '%s: no page of any site may ask with credentials, and uploads come from named ones',
    (name) => {
      for (const { properties } of of(name).resources) {
        for (const cors of [...valuesOf(properties, 'cors'), ...valuesOf(properties, 'corsRules')]) {
          const origins = valuesOf([cors], 'allowedOrigins').flat();
          expect(origins).not.toContain('*');
          expect(valuesOf([cors], 'supportCredentials')).not.toContain(true);
        }
      }
      const wanted = name === 'scheduler' ? ['https://films.example.com'] : [];
      const asked = of(name)
        .resources.filter(({ type }) => type === 'Microsoft.Storage/storageAccounts/blobServices')
        .flatMap(({ properties }) => valuesOf(properties, 'allowedOrigins'))
        .flat();
      expect(new Set(asked)).toEqual(new Set(wanted));
    },
  );

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
    const port = await freePort();
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

  it('put A before B at the edge, with the least time-out, and cache only what may be cached', () => {
    const snapshot = of('main');
    const [profile] = ofType(snapshot, 'Microsoft.Cdn/profiles');
    expect(profile).toMatchObject({
      sku: { name: 'Premium_AzureFrontDoor' },
      properties: { originResponseTimeoutSeconds: 16 },
    });
    const origins = ofType(snapshot, 'Microsoft.Cdn/profiles/originGroups/origins').map(
      ({ name, properties }) => [name.split('/').at(-1), properties['priority']],
    );
    expect(origins).toEqual([
      ['data-center-a', 1],
      ['data-center-b', 2],
    ]);
    for (const { name, properties } of ofType(snapshot, 'Microsoft.Cdn/profiles/originGroups/origins')) {
      const center = name.at(-1) ?? '';
      expect(properties).toMatchObject({ enabledState: 'Enabled', enforceCertificateNameCheck: true });
      expect(textOf(properties['hostName'])).toContain(`/rg-failover-${center}/`);
      expect(properties['originHostHeader']).toBe(properties['hostName']);
    }
    expect(ofType(snapshot, 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies')).toMatchObject([
      { properties: { policySettings: { enabledState: 'Enabled', mode: 'Prevention' } } },
    ]);
    for (const path of [
      '/0c2f/hello.ism/manifest(format=mpd-time-cmaf)',
      '/0c2f/hello.ism/QualityLevels(2000000)/Manifest(video,format=m3u8-cmaf)',
      '/0c2f/hello.ism/QualityLevels(2000000)/Fragments(video=0)',
      // What a film is called takes nothing from it.
      '/0c2f/keynote.ism/manifest',
      '/0c2f/three keys (1).ism/QualityLevels(128000)/Fragments(audio=i,format=mpd-time-cmaf)',
    ]) {
      // The origin's word counts; what is silent, as an error of something before the origin, is soon asked for again.
      expect([path, edgeCaching(snapshot, path)]).toMatchObject([
        path,
        { cacheBehavior: 'OverrideIfOriginMissing', cacheDuration: '00:00:01' },
      ]);
    }
    for (const path of [
      '/0c2f/hello.ism/Keys(1)',
      '/0c2f/hello.ism/QualityLevels(2000000)/Key(1)',
      "/api/ContentKeys('nb:kid:UUID:1')",
      '/api/Assets',
      '/oauth2/token',
      '/health/content',
      '/0c2f/hello.mp4',
    ]) {
      expect([path, edgeCaching(snapshot, path)]).toEqual([path, 'none']);
    }
    const [trial] = ofType(of('trial'), 'Microsoft.Cdn/profiles');
    expect(trial?.sku).toEqual({ name: 'Standard_AzureFrontDoor' });
    expect(of('scheduler').resources.some(({ type }) => type.startsWith('Microsoft.Cdn/'))).toBe(false);
    expect(ofType(of('trafficManager'), 'Microsoft.Network/trafficmanagerprofiles')).toMatchObject([
      { properties: { trafficRoutingMethod: 'Priority', endpoints: [{}, {}] } },
    ]);
  });

  it('lead every request of the edge through the rules and, in production, through the firewall', () => {
    const idOf = (snapshot: Snapshot, type: string): string => ofType(snapshot, type)[0]?.id ?? 'none';
    for (const name of ['main', 'trial', named] as const) {
      const snapshot = of(name);
      const [route, ...more] = ofType(snapshot, 'Microsoft.Cdn/profiles/afdEndpoints/routes');
      expect(more).toEqual([]);
      expect(route?.properties).toMatchObject({
        patternsToMatch: ['/*'],
        originGroup: { id: idOf(snapshot, 'Microsoft.Cdn/profiles/originGroups') },
        ruleSets: [{ id: idOf(snapshot, 'Microsoft.Cdn/profiles/ruleSets') }],
      });
      const domains = ofType(snapshot, 'Microsoft.Cdn/profiles/customDomains');
      expect(route?.properties['customDomains']).toEqual(domains.map(({ id }) => ({ id })));
      expect(domains).toHaveLength(name === named ? 1 : 0);
      for (const { properties } of domains) {
        expect(properties).toMatchObject({
          hostName: 'films.example.com',
          tlsSettings: { certificateType: 'ManagedCertificate', minimumTlsVersion: 'TLS12' },
        });
      }
      const guarded = ofType(snapshot, 'Microsoft.Cdn/profiles/securityPolicies').flatMap(({ properties }) =>
        valuesOf(properties, 'domains').flat(),
      );
      const endpoint = { id: idOf(snapshot, 'Microsoft.Cdn/profiles/afdEndpoints') };
      expect(guarded).toEqual(name === 'trial' ? [] : [endpoint, ...domains.map(({ id }) => ({ id }))]);
    }
    expect(of(named).outputs['EDGE_HOST']).toBe('films.example.com');
    // A CNAME points to what Front Door gives.
    expect(of(named).outputs['EDGE_TARGET']).toBe(of('main').outputs['EDGE_TARGET']);
  });

  describe('beside the code', () => {
    let running: RunningService;
    beforeAll(async () => {
      running = await startService();
    });
    afterAll(() => running.close());

    it('the probes ask at paths that the media service has, with methods that it answers', async () => {
      const origin = ['main', 'trafficManager'] as const;
      const paths = origin.flatMap((name) =>
        of(name).resources.flatMap(({ properties }) => [
          ...valuesOf(properties, 'probePath'),
          ...valuesOf(valuesOf(properties, 'monitorConfig'), 'path'),
        ]),
      );
      expect(new Set(paths)).toEqual(new Set(['/health/content']));
      for (const method of ['HEAD', 'GET']) {
        const answer = await fetch(`${running.service.url}/health/content`, { method });
        // Its endpoint is not started: it can serve nothing, and says so by the status alone.
        expect([method, answer.status]).toEqual([method, 503]);
        if (method === 'GET') expect(await answer.json()).toMatchObject({ reason: 'endpoint-not-running' });
      }
      const probes = ofType(of('scheduler'), 'Microsoft.App/containerApps').flatMap(({ properties }) =>
        valuesOf(valuesOf(properties, 'httpGet'), 'path'),
      );
      expect(probes).toEqual(Array.from({ length: 6 }, () => '/health'));
      expect((await fetch(`${running.service.url}/health`)).status).toBe(200);
    });
  });

  it('alerts and workbooks name events that the code emits, and platform metrics that there are', async () => {
    const emitters = new Map<string, string>();
    for (const code of await sources('src')) {
      for (const [, event = ''] of code.matchAll(/(?:\.(?:event|problem)\(|event: )'([A-Z]\w+)'/g)) {
        emitters.set(event, code);
      }
    }
    const queries = [
      ...ofType(of('main'), 'Microsoft.Insights/scheduledQueryRules').flatMap(({ properties }) =>
        valuesOf(properties, 'query'),
      ),
      ...ofType(of('main'), 'Microsoft.Insights/workbooks').flatMap(({ properties }) =>
        valuesOf(JSON.parse(textOf(properties['serializedData'])) as Snapshot['outputs'], 'query'),
      ),
    ].map(String);
    const asked = new Set<string>();
    for (const query of queries) {
      const events = [
        ...[...query.matchAll(/(?:\bname|line\.event\)) == "(\w+)"/g)].map(([, event = '']) => event),
        ...[...query.matchAll(/\bname in \(([^)]*)\)/g)].flatMap(([, list = '']) => list.match(/\w+/g) ?? []),
      ];
      for (const event of events) {
        asked.add(event);
        const code = emitters.get(event) ?? '';
        expect([event, code === '']).toEqual([event, false]);
        for (const [, field = ''] of query.matchAll(/(?:customDimensions|\bline)\.(\w+)/g)) {
          // Every line of a media service has its account, every event of a run the stream's id.
          const known = ['event', 'account', ...(/\brun\b/.test(code) ? ['streamId'] : [])];
          expect([event, field, known.includes(field) || new RegExp(`\\b${field}\\b`).test(code)]).toEqual([
            event,
            field,
            true,
          ]);
        }
      }
    }
    expect(asked.size).toBeGreaterThanOrEqual(5);

    const alerts = ofType(of('main'), 'Microsoft.Insights/scheduledQueryRules').map(({ name }) => name);
    for (const about of [
      ...['failed-streams', 'encoding-errors', 'unprotected-streams', 'drift', 'replication-lag'],
      ...['locator-expiry', 'resync-silent', 'queue-age'],
    ]) {
      expect(alerts).toContain(`${about}-a`);
      expect(alerts).toContain(`${about}-b`);
    }
    const metrics = (['main', 'trafficManager'] as const).flatMap((name) =>
      ofType(of(name), 'Microsoft.Insights/metricAlerts').flatMap(({ properties }) => {
        expect(at(properties, 'actions')).toHaveLength(2);
        return valuesOf(properties, 'metricName');
      }),
    );
    // The one aggregation that Traffic Manager has for it.
    const [ofTrafficManager] = ofType(of('trafficManager'), 'Microsoft.Insights/metricAlerts');
    expect(valuesOf(ofTrafficManager?.properties ?? {}, 'timeAggregation')).toEqual(['Maximum']);
    // https://learn.microsoft.com/azure/azure-monitor/reference/metrics-index
    expect(metrics).toEqual(['OriginHealthPercentage', 'ProbeAgentCurrentEndpointStateByProfileResourceId']);
  });

  it('keep the budget as it was: Azure refuses to change its first month', () => {
    const first = (name: Name): Json | undefined =>
      at(ofType(of(name), 'Microsoft.Consumption/budgets')[0]?.properties, 'timePeriod', 'startDate');
    // The clock of the deployment, which its output tells the next one.
    expect(first('main')).toBe("[utcNow('yyyy-MM-01')]");
    expect(of('main').outputs['BUDGET_START']).toBe(first('main') ?? '');
    expect(first('scheduler')).toBe('2026-02-01');
    expect(of('scheduler').outputs['BUDGET_START']).toBe('2026-02-01');
  });

  it('tell operators by a budget, too', () => {
    for (const name of names) {
      const [budget] = ofType(of(name), 'Microsoft.Consumption/budgets');
      expect(budget?.properties['amount']).toBeGreaterThan(0);
      expect(valuesOf(budget?.properties ?? {}, 'contactEmails')).toEqual(
        Array.from({ length: 3 }, () => ['operators@example.com']),
      );
    }
  });

  it('send every alert to the operators, from the data center that it is about', () => {
    for (const name of names) {
      const groups = ofType(of(name), 'Microsoft.Insights/actionGroups');
      expect(groups).toHaveLength(2);
      for (const { properties } of groups) {
        expect(valuesOf(properties, 'emailAddress')).toEqual(['operators@example.com']);
      }
      for (const alert of ofType(of(name), 'Microsoft.Insights/scheduledQueryRules')) {
        const place = placeOf(alert);
        const own = groups.find((group) => placeOf(group) === place)?.id;
        expect(alert.properties).toMatchObject({ enabled: true, actions: { actionGroups: [own] } });
        for (const scope of alert.properties['scopes'] as readonly string[]) {
          expect(placeOf({ id: scope })).toBe(place);
        }
      }
      for (const { properties } of ofType(of(name), 'Microsoft.Insights/metricAlerts')) {
        expect(valuesOf(properties, 'actionGroupId')).toEqual(groups.map(({ id }) => id));
      }
    }
  });

  it('log what happens: every part that can has a diagnostic setting', () => {
    for (const name of names) {
      const logged = ofType(of(name), 'Microsoft.Insights/diagnosticSettings').map(({ id }) =>
        id.split('/providers/Microsoft.Insights/')[0]?.toLowerCase(),
      );
      const parts = of(name).resources.filter(({ type }) =>
        [
          'Microsoft.Web/sites',
          'Microsoft.App/managedEnvironments',
          'Microsoft.Storage/storageAccounts/blobServices',
          'Microsoft.Cdn/profiles',
          'Microsoft.Network/trafficmanagerprofiles',
        ].includes(type),
      );
      for (const { id } of parts) expect(logged).toContain(id.toLowerCase());
    }
  });
});

/** How Front Door caches an answer at a path: by the first rule that applies. */
function edgeCaching(snapshot: Snapshot, path: string): Json | undefined {
  const rules = [...ofType(snapshot, 'Microsoft.Cdn/profiles/ruleSets/rules')].sort(
    (one, other) => Number(one.properties['order']) - Number(other.properties['order']),
  );
  const rule = rules.find(({ properties }) =>
    (properties['conditions'] as readonly Json[]).every((condition) => {
      expect(at(condition, 'parameters', 'operator')).toBe('Contains');
      expect(at(condition, 'parameters', 'transforms')).toEqual(['Lowercase']);
      const values = at(condition, 'parameters', 'matchValues') as readonly string[];
      const contains = values.some((value) => path.toLowerCase().includes(value));
      return contains !== at(condition, 'parameters', 'negateCondition');
    }),
  );
  expect(rule?.properties).toMatchObject({ matchProcessingBehavior: 'Stop' });
  const parameters = at(rule?.properties, 'actions', 0, 'parameters');
  expect(at(parameters, 'typeName')).toBe('DeliveryRuleRouteConfigurationOverrideActionParameters');
  return at(parameters, 'cacheConfiguration') ?? 'none';
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** What the compiler says of parameters that it does not take; empty when it takes them. */
async function refusalOf(workspace: Workspace, name: string): Promise<string> {
  return workspace.snapshot(name).then(
    () => '',
    (error: unknown) => String(error),
  );
}

/** The app settings of the Function Apps, A's first. */
function workflowSettings(resources: readonly Resource[]): Readonly<Record<string, string>>[] {
  return resources
    .filter(({ type, name }) => type === 'Microsoft.Web/sites/config' && name.endsWith('/appsettings'))
    .sort((one, other) => (one.id < other.id ? -1 : 1))
    .map(({ properties }) => properties as Record<string, string>);
}

/** The environments of the media services' containers. */
function mediaSettings(resources: readonly Resource[]): Readonly<Record<string, string>>[] {
  return resources
    .filter(({ type }) => type === 'Microsoft.App/containerApps' || type === 'Microsoft.App/jobs')
    .map(({ properties }) => settingsOf(properties));
}

function settingsOf(properties: Resource['properties']): Readonly<Record<string, string>> {
  const [environment = []] = valuesOf(properties, 'env');
  const entries = (environment as unknown as { name: string; value: string }[]).map(
    ({ name, value }) => [name, value] as const,
  );
  expect(entries.length).toBe(new Set(entries.map(([name]) => name)).size);
  return Object.fromEntries(entries);
}

/** Settings that the Functions host reads, not the app. */
function isOfTheHost(setting: string): boolean {
  return (
    /^(AzureWebJobsStorage__|AzureFunctionsJobHost__)/.test(setting) || setting === 'DURABLE_TASK_SCHEDULER'
  );
}

/** What only Azure knows (an address, an id) has a value of its kind. */
function evaluated(settings: Readonly<Record<string, string>>): Record<string, string> {
  const standIn = (name: string): string =>
    /URL|API|AUTHORITY/.test(name)
      ? `https://${name.toLowerCase().replaceAll('_', '-')}.example.com`
      : name.includes('AUTHENTICATION_STRING')
        ? 'ClientId=00000000-0000-0000-0000-000000000003;Authorization=AAD'
        : '00000000-0000-0000-0000-000000000003';
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [name, value.startsWith('[') ? standIn(name) : value]),
  );
}

/** https://learn.microsoft.com/azure/role-based-access-control/built-in-roles */
const roleNames: Readonly<Record<string, string>> = {
  '7f951dda-4ed3-4680-a7ca-43fe172d538d': 'AcrPull',
  '0ad04412-c4d5-4796-b79c-f76d14c8d402': 'Durable Task Data Contributor',
  '3913510d-42f4-4e42-8a64-420c390055eb': 'Monitoring Metrics Publisher',
  'ba92f5b4-2d11-453d-a403-e96b0029c9fe': 'Storage Blob Data Contributor',
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b': 'Storage Blob Data Owner',
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88': 'Storage Queue Data Contributor',
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3': 'Storage Table Data Contributor',
};

const scopes: readonly (readonly [RegExp, string])[] = [
  [/\/storageAccounts\/stmedia\w+\/queueServices\/default\/queues\/media-jobs$/, 'queue `media-jobs`'],
  [/\/storageAccounts\/stmedia\w+$/, 'media storage'],
  [/\/storageAccounts\/stflow\w+$/, 'workflow storage'],
  [/\/components\/appi-[\w-]+$/, 'Application Insights'],
  [/\/registries\/\w+$/, 'registry'],
  [/\/schedulers\/dts-[\w-]+$/, 'Durable Task Scheduler'],
];

/** Rows as the page has them: who, role, on what, why. */
function assignedRoles(snapshot: Snapshot): string[] {
  return ofType(snapshot, 'Microsoft.Authorization/roleAssignments').map(({ id, properties }) => {
    const [scope = ''] = id.split('/providers/Microsoft.Authorization/');
    const principal = textOf(properties['principalId']);
    const [, group = '', identity = '', center = ''] =
      /resourceGroups\/([^/']+)\/.*\/userAssignedIdentities\/id-([a-z-]+)-(a|b)-/.exec(principal) ?? [];
    const on = scopes.find(([pattern]) => pattern.test(scope))?.[1] ?? scope;
    // No identity has a role in the other data center.
    expect(placeOf({ id: `/resourceGroups/${group}` })).toBe(center);
    if (on !== 'registry') expect(placeOf({ id: scope })).toBe(center);
    expect(properties['principalType']).toBe('ServicePrincipal');
    const role = roleNames[textOf(properties['roleDefinitionId']).split('/').at(-1) ?? ''] ?? 'unknown';
    return `${identity} | ${role} | ${on} | ${textOf(properties['description'])}`;
  });
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

async function documentedRoles(): Promise<string[]> {
  const page = await readFile('docs/deployment.md', 'utf8');
  const [, table = ''] = /\| identity \| role \| on \| why \|\n\|[-|]+\|\n((?:\|.*\|\n)+)/.exec(page) ?? [];
  return table
    .trim()
    .split('\n')
    .map((row) => row.slice(2, -2));
}

async function sources(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  const texts = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFile(join(folder, file), 'utf8'));
  return Promise.all(texts);
}
