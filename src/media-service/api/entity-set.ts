import { parseId, type EntityName, type IdOf } from '../model.ts';
import type { Scan } from '../store/scan.ts';
import { ApiError, badRequest } from './api-error.ts';
import type { EntityType } from './entity-types.ts';
import type { FilterLiteral } from './filter-lexer.ts';
import type { Purpose } from './entity-body.ts';

/** What a filter demands of properties in every case. */
export type Demands = ReadonlyMap<string, FilterLiteral>;

/** Where a navigation property leads. */
export type Target =
  | { readonly kind: 'many'; readonly type: EntityType; readonly scan: Scan<object> }
  | { readonly kind: 'one'; readonly type: EntityType; readonly entity: object };

export type Body = Readonly<Record<string, unknown>>;

/** An entity set as the API serves it. Keys come as clients wrote them. */
export interface EntitySet {
  readonly type: EntityType;
  get(key: string): Promise<object | undefined>;
  scan(demands: Demands): Promise<Scan<object>> | Scan<object>;
  create?(body: Body): Promise<object>;
  update?(key: string, body: Body, purpose: Exclude<Purpose, 'create'>): Promise<void>;
  remove?(key: string, parameters: URLSearchParams): Promise<void>;
  readonly navigation?: Readonly<Record<string, (key: string) => Promise<Target>>>;
  /** POST to `Set('key')/Name`; answers the operation's id. */
  readonly actions?: Readonly<Record<string, (key: string) => Promise<string>>>;
}

/** @throws ApiError 404: what is no id of this kind names nothing */
export function idIn<Name extends EntityName>(entity: Name, key: string): IdOf<Name> {
  const id = parseId(entity, key);
  if (id === undefined) throw new ApiError(404, `'${key.slice(0, 100)}' is not an id of the kind ${entity}.`);
  return id;
}

/** An id in a property of a body. @throws ApiError 400 */
export function idInBody<Name extends EntityName>(entity: Name, property: string, text: string): IdOf<Name> {
  const id = parseId(entity, text);
  if (id === undefined) throw badRequest(`${property} is not an id of the kind ${entity}.`);
  return id;
}

export const missing = (set: string, key: string): ApiError =>
  new ApiError(404, `Resource not found: ${set}('${key.slice(0, 100)}').`);

/** A scan of what is in hand already. */
export function scanOf<T extends object>(entities: readonly T[]): Scan<T> {
  return async function* (after) {
    const from = after === undefined ? 0 : Number(after) + 1;
    yield await Promise.resolve(
      entities.slice(from).map((value, position) => ({ key: String(from + position), value })),
    );
  };
}

/** The text that a filter demands of a property. */
export function demanded(demands: Demands, property: string): string | undefined {
  const value = demands.get(property);
  return typeof value === 'string' ? value : undefined;
}

/** A set whose filter names one entity by its id: that entity, or nothing. */
export async function byId<T extends object>(
  demands: Demands,
  get: (key: string) => Promise<T | undefined>,
): Promise<Scan<T> | undefined> {
  const id = demanded(demands, 'Id');
  if (id === undefined) return undefined;
  try {
    const entity = await get(id);
    return scanOf(entity === undefined ? [] : [entity]);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return scanOf<T>([]);
    throw error;
  }
}
