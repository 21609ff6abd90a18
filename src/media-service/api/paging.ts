import type { Scan } from '../store/scan.ts';
import { badRequest } from './api-error.ts';
import type { Entity } from './entity-types.ts';
import { order } from './filter.ts';
import { pageLimit, type Ordering, type QueryOptions } from './query-options.ts';

export interface Page<T> {
  readonly entities: readonly T[];
  /** Of all that match, when the request asked for it. */
  readonly count: number | undefined;
  /** What changes in the request's query for the next page; undefined: this was the last. */
  readonly next: Readonly<Record<string, string | undefined>> | undefined;
}

/** A request looks at so many entities at most before it answers with what it has and a link to go on. */
const scanLimit = 5000;
/** More than these are not sorted for one request: a filter has to narrow them first. */
const sortLimit = 50_000;

/**
 * One page of a scan. In the scan's own order a page goes on after a key, so every page costs the same; another order
 * sorts all that match and goes on at a position.
 */
export async function pageOf<T extends object>(scan: Scan<T>, options: QueryOptions): Promise<Page<T>> {
  const count = options.inlineCount ? await countOf(scan, options) : undefined;
  const size = Math.min(options.top ?? pageLimit, pageLimit);
  if (size === 0) return { entities: [], count, next: undefined };
  const naturally = options.orderBy.length === 0;
  const page = naturally ? await inOrder(scan, options, size) : await sorted(scan, options, size);
  return { ...page, count };
}

export async function countOf<T extends object>(scan: Scan<T>, { filter }: QueryOptions): Promise<number> {
  let count = 0;
  for await (const batch of scan(undefined, pageLimit)) {
    for (const { value } of batch) {
      if (value !== undefined && (filter?.matches(value) ?? true)) count++;
    }
  }
  return count;
}

async function inOrder<T extends object>(
  scan: Scan<T>,
  { filter, skip, skipToken, top }: QueryOptions,
  size: number,
): Promise<Omit<Page<T>, 'count'>> {
  const after = skipToken === undefined ? undefined : readToken(skipToken, 'key');
  const entities: T[] = [];
  let toSkip = skip;
  let looked = 0;
  let last: string | undefined;
  const next = (): Page<T>['next'] => ({
    $skiptoken: last === undefined ? undefined : writeToken('key', last),
    $skip: toSkip === 0 ? undefined : String(toSkip),
    $top: top === undefined ? undefined : String(top - entities.length),
  });
  // One more than wanted tells whether another page is to come.
  const batchSize = filter === undefined ? Math.min(size + skip + 1, pageLimit) : pageLimit;
  for await (const batch of scan(after, batchSize)) {
    for (const { key, value } of batch) {
      if (value !== undefined && (filter?.matches(value) ?? true)) {
        if (entities.length === size) return { entities, next: size === top ? undefined : next() };
        if (toSkip > 0) toSkip--;
        else entities.push(value);
      }
      last = key;
    }
    if (entities.length === top) return { entities, next: undefined };
    looked += batch.length;
    if (looked >= scanLimit) return { entities, next: next() };
  }
  return { entities, next: undefined };
}

async function sorted<T extends object>(
  scan: Scan<T>,
  { filter, orderBy, skip, skipToken, top }: QueryOptions,
  size: number,
): Promise<Omit<Page<T>, 'count'>> {
  const matching: T[] = [];
  for await (const batch of scan(undefined, pageLimit)) {
    for (const { value } of batch) {
      if (value !== undefined && (filter?.matches(value) ?? true)) matching.push(value);
    }
    if (matching.length > sortLimit) {
      throw badRequest(
        `More than ${sortLimit} entities match: narrow them with $filter to have them sorted.`,
      );
    }
  }
  matching.sort((a, b) => orderOf(a as Entity, b as Entity, orderBy));
  const from = skip + (skipToken === undefined ? 0 : Number(readToken(skipToken, 'position')));
  const entities = matching.slice(from, from + size);
  const rest = top === undefined ? undefined : top - entities.length;
  const more = from + size < matching.length && rest !== 0;
  const next = {
    $skiptoken: writeToken('position', String(from + entities.length)),
    $skip: undefined,
    $top: rest === undefined ? undefined : String(rest),
  };
  return { entities, next: more ? next : undefined };
}

function orderOf(a: Entity, b: Entity, orderBy: readonly Ordering[]): number {
  for (const { property, descending } of orderBy) {
    const ordered = order(a[property], b[property]);
    if (ordered !== 0) return descending ? -ordered : ordered;
  }
  return 0;
}

type TokenKind = 'key' | 'position';

function writeToken(kind: TokenKind, value: string): string {
  return Buffer.from(`${kind}:${value}`).toString('base64url');
}

function readToken(token: string, kind: TokenKind): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  const value = text.slice(kind.length + 1);
  const usable = kind === 'key' ? /^[\w:|-]{1,300}$/.test(value) : /^\d{1,9}$/.test(value);
  if (!text.startsWith(`${kind}:`) || !usable) throw badRequest('$skiptoken is none of this service.');
  return value;
}
