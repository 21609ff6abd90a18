import { expect, it } from 'vitest';
import { mediaSettings, workflowSettings } from '../app-settings.ts';
import { names, type Templates } from '../compiled-templates.ts';
import { at, ofType, placeOf, textOf, valuesOf } from '../snapshot.ts';

/** Both data centers have the same, each in its own region, and nothing secret is shown. */
export function twoDataCenters(of: Templates): void {
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
}
