import { expect } from 'vitest';
import { valuesOf, type Resource } from './snapshot.ts';

/** The app settings of the Function Apps, A's first. */
export function workflowSettings(resources: readonly Resource[]): Readonly<Record<string, string>>[] {
  return resources
    .filter(({ type, name }) => type === 'Microsoft.Web/sites/config' && name.endsWith('/appsettings'))
    .sort((one, other) => (one.id < other.id ? -1 : 1))
    .map(({ properties }) => properties as Record<string, string>);
}

/** The environments of the media services' containers. */
export function mediaSettings(resources: readonly Resource[]): Readonly<Record<string, string>>[] {
  return resources
    .filter(({ type }) => type === 'Microsoft.App/containerApps' || type === 'Microsoft.App/jobs')
    .map(({ properties }) => settingsOf(properties));
}

export function settingsOf(properties: Resource['properties']): Readonly<Record<string, string>> {
  const [environment = []] = valuesOf(properties, 'env');
  const entries = (environment as unknown as { name: string; value: string }[]).map(
    ({ name, value }) => [name, value] as const,
  );
  expect(entries.length).toBe(new Set(entries.map(([name]) => name)).size);
  return Object.fromEntries(entries);
}
