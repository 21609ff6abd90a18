import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startService, type RunningService } from '../../media-service/running-service.ts';
import { named, type Templates } from '../compiled-templates.ts';
import { at, ofType, textOf, valuesOf, type Json, type Snapshot } from '../snapshot.ts';

/** What viewers talk to. */
export function edge(of: Templates): void {
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
}

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
