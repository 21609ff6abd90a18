import { badRequest } from './api-error.ts';
import { readValue, type EdmValue } from './edm.ts';
import type { EntityType } from './entity-types.ts';

export type Purpose = 'create' | 'merge' | 'replace';

/** The values of an entity's properties in a request body; absent ones were not given. */
export type Values = Readonly<Record<string, EdmValue>>;

/**
 * Reads the properties that a client may set from a body. What the service itself sets may be sent back and is
 * ignored; what was set once must be as it was (`current`).
 * @throws ApiError 400 for an unknown property, a value of the wrong type, a missing or changed one
 */
export function readEntity(
  type: EntityType,
  body: Readonly<Record<string, unknown>>,
  purpose: Purpose,
  current?: Readonly<Record<string, unknown>>,
): Values {
  const values: Record<string, EdmValue> = {};
  for (const [name, value] of Object.entries(body)) {
    if (isAnnotation(name) || type.navigation.includes(name)) continue;
    const property = type.properties.find((one) => one.name === name);
    if (property === undefined) {
      throw badRequest(
        'Parsing request content failed due to: Make sure to only use property names that are defined by the type',
      );
    }
    if (property.mode === 'read' || property.type === 'Collection') continue;
    const read = readValue(name, property.type, value);
    if (purpose === 'create' || property.mode === 'update') values[name] = read;
    else if (!same(read, current?.[name])) throw badRequest(`${name} cannot be changed.`);
  }
  for (const { name, mode, required, type: kind } of type.properties) {
    if (purpose === 'create' && required === true && (values[name] ?? null) === null) {
      throw badRequest(`${name} is required.`);
    }
    if (purpose === 'replace' && mode === 'update' && !(name in values) && kind !== 'Collection') {
      if (required === true) throw badRequest(`${name} is required.`);
      values[name] = null;
    }
  }
  return values;
}

/** `__metadata`, `odata.type` and `InputMediaAssets@odata.bind` are no properties. */
function isAnnotation(name: string): boolean {
  return name === '__metadata' || name.startsWith('odata.') || name.includes('@odata.');
}

function same(read: EdmValue, current: unknown): boolean {
  if (read === null) return true;
  return typeof read === 'string' && typeof current === 'string'
    ? read.toLowerCase() === current.toLowerCase()
    : read === current;
}

/** The text of a property that is required, so it is there. */
export function textOf(values: Values, name: string): string {
  const value = values[name];
  return typeof value === 'string' ? value : '';
}

export function optionalText(values: Values, name: string): string | null | undefined {
  const value = values[name];
  return typeof value === 'string' || value === null ? value : undefined;
}

export function optionalNumber(values: Values, name: string): number | undefined {
  const value = values[name];
  return typeof value === 'number' ? value : undefined;
}

export function optionalFlag(values: Values, name: string): boolean | undefined {
  const value = values[name];
  return typeof value === 'boolean' ? value : undefined;
}

export function optionalTime(values: Values, name: string): Date | null | undefined {
  const value = values[name];
  return value instanceof Date || value === null ? value : undefined;
}
