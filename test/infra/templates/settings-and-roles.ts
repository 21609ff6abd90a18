import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { mediaServiceConfig, mediaServiceSettingDescriptions } from '../../../src/config/media-service.ts';
import {
  ownTablesConfig,
  workflowConfig,
  workflowSettingDescriptions,
} from '../../../src/config/workflow.ts';
import { workflowSettings, mediaSettings } from '../app-settings.ts';
import { names, type Templates } from '../compiled-templates.ts';
import { ofType, placeOf, textOf, type Snapshot } from '../snapshot.ts';

/** Every setting that the code reads, and the roles that the page lists. */
export function settingsAndRoles(of: Templates): void {
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

async function documentedRoles(): Promise<string[]> {
  const page = await readFile('docs/deployment.md', 'utf8');
  const [, table = ''] = /\| identity \| role \| on \| why \|\n\|[-|]+\|\n((?:\|.*\|\n)+)/.exec(page) ?? [];
  return table
    .trim()
    .split('\n')
    .map((row) => row.slice(2, -2));
}
