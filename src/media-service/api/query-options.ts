import { badRequest } from './api-error.ts';
import type { EntityType } from './entity-types.ts';
import { readFilter, type Filter } from './filter.ts';

export interface Ordering {
  readonly property: string;
  readonly descending: boolean;
}

/** The query options of a request (OData URI Conventions, 4). */
export interface QueryOptions {
  readonly filter: Filter | undefined;
  readonly orderBy: readonly Ordering[];
  readonly top: number | undefined;
  readonly skip: number;
  /** Where the page before ended. */
  readonly skipToken: string | undefined;
  readonly select: readonly string[] | undefined;
  readonly inlineCount: boolean;
}

/** The reference answers 1,000 entities a page at most. */
export const pageLimit = 1000;

/** The system query options that v2 has; the rest is refused. */
const known = ['$filter', '$orderby', '$top', '$skip', '$skiptoken', '$select', '$inlinecount', '$format'];

/** @throws ApiError 400 */
export function readQueryOptions(parameters: URLSearchParams, type: EntityType): QueryOptions {
  for (const name of parameters.keys()) {
    if (name.startsWith('$') && !known.includes(name)) {
      throw badRequest(`The query option ${name} is not supported.`);
    }
  }
  const filter = parameters.get('$filter');
  const top = parameters.get('$top');
  const inlineCount = parameters.get('$inlinecount') ?? 'none';
  if (inlineCount !== 'none' && inlineCount !== 'allpages') {
    throw badRequest('$inlinecount must be none or allpages.');
  }
  return {
    filter: filter === null || filter.trim() === '' ? undefined : readFilter(filter, type),
    orderBy: readOrderBy(parameters.get('$orderby') ?? '', type),
    top: top === null ? undefined : count('$top', top),
    skip: count('$skip', parameters.get('$skip') ?? '0'),
    skipToken: parameters.get('$skiptoken') ?? undefined,
    select: readSelect(parameters.get('$select'), type),
    inlineCount: inlineCount === 'allpages',
  };
}

function count(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`${option} must be a whole number, 0 or more.`);
  return Number(text);
}

function readOrderBy(text: string, type: EntityType): Ordering[] {
  return names(text).map((part) => {
    const match = /^(\w+)(?:\s+(asc|desc))?$/.exec(part);
    const property = match?.[1] ?? '';
    if (!type.properties.some(({ name }) => name === property)) {
      throw badRequest(`$orderby cannot be read: '${part}'.`);
    }
    return { property, descending: match?.[2] === 'desc' };
  });
}

function readSelect(text: string | null, type: EntityType): string[] | undefined {
  const selected = names(text ?? '');
  if (selected.length === 0 || selected.includes('*')) return undefined;
  for (const name of selected) {
    const has = type.properties.some((property) => property.name === name) || type.navigation.includes(name);
    if (!has) throw badRequest(`${type.name} has no property '${name}' to select.`);
  }
  return selected;
}

function names(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
