import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { names, type Name, type Templates } from '../compiled-templates.ts';
import { at, ofType, placeOf, textOf, valuesOf, type Json, type Snapshot } from '../snapshot.ts';

/** Alerts, workbooks, budget and diagnostics. */
export function watching(of: Templates): void {
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
}

async function sources(folder: string): Promise<string[]> {
  const files = await readdir(folder, { recursive: true });
  const texts = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFile(join(folder, file), 'utf8'));
  return Promise.all(texts);
}
