import { namespace, type Entity, type EntityType, type Property } from './entity-types.ts';
import type { Page } from './paging.ts';

/** The two JSON forms of OData 3: the older verbose one, and "light" with minimal metadata. */
export type JsonForm = 'verbose' | 'light';

export const contentTypes: Readonly<Record<JsonForm, string>> = {
  verbose: 'application/json;odata=verbose;charset=utf-8',
  light: 'application/json;odata=minimalmetadata;streaming=true;charset=utf-8',
};

/** Writes answers in one of the forms; `apiBase` is the API's public base URL, with a slash at its end. */
export class JsonWriter {
  readonly form: JsonForm;
  readonly #base: string;

  constructor(form: JsonForm, apiBase: string) {
    this.form = form;
    this.#base = apiBase;
  }

  /** The address of an entity, its key percent-encoded as the reference does. */
  uriOf(type: EntityType, entity: Entity): string {
    const key = entity[type.key ?? 'Id'];
    return `${this.#base}${type.set}('${encodeURIComponent(String(key))}')`;
  }

  entity(type: EntityType, entity: Entity, select?: readonly string[]): string {
    return text(
      this.form === 'verbose'
        ? { d: this.#verbose(type, entity, select) }
        : {
            'odata.metadata': `${this.#base}$metadata#${type.set}/@Element${selection(select)}`,
            ...this.#light(type, entity, select),
          },
    );
  }

  page(
    type: EntityType,
    page: Page<object>,
    nextLink: string | undefined,
    select?: readonly string[],
  ): string {
    const entities = page.entities.map((entity) => ({ ...entity }));
    const count = page.count === undefined ? undefined : String(page.count);
    return text(
      this.form === 'verbose'
        ? {
            d: {
              ...(count !== undefined && { __count: count }),
              results: entities.map((entity) => this.#verbose(type, entity, select)),
              ...(nextLink !== undefined && { __next: nextLink }),
            },
          }
        : {
            'odata.metadata': `${this.#base}$metadata#${type.set}${selection(select)}`,
            ...(count !== undefined && { 'odata.count': count }),
            value: entities.map((entity) => this.#light(type, entity, select)),
            ...(nextLink !== undefined && { 'odata.nextLink': nextLink }),
          },
    );
  }

  /** One property of an entity: `Jobs('…')/State`. */
  property(type: EntityType, entity: Entity, property: Property): string {
    const value = this.#value(type, property, entity[property.name]);
    return text(
      this.form === 'verbose'
        ? { d: { [property.name]: value } }
        : { 'odata.metadata': `${this.#base}$metadata#${property.type}`, value },
    );
  }

  /** The service document: the entity sets there are. */
  serviceDocument(sets: readonly string[]): string {
    return text(
      this.form === 'verbose'
        ? { d: { EntitySets: sets } }
        : {
            'odata.metadata': `${this.#base}$metadata`,
            value: sets.map((name) => ({ name, url: name })),
          },
    );
  }

  error(message: string): string {
    const error = { code: '', message: { lang: 'en-US', value: message } };
    return text(this.form === 'verbose' ? { error } : { 'odata.error': error });
  }

  #light(type: EntityType, entity: Entity, select?: readonly string[]): Entity {
    return Object.fromEntries(
      type.properties
        .filter(({ name }) => select?.includes(name) ?? true)
        .map((property) => [property.name, this.#value(type, property, entity[property.name])]),
    );
  }

  #verbose(type: EntityType, entity: Entity, select?: readonly string[]): Entity {
    const uri = this.uriOf(type, entity);
    const deferred = type.navigation
      .filter((name) => select?.includes(name) ?? true)
      .map((name) => [name, { __deferred: { uri: `${uri}/${name}` } }]);
    return {
      __metadata: { id: uri, uri, type: `${namespace}.${type.name}` },
      ...(Object.fromEntries(deferred) as Entity),
      ...this.#light(type, entity, select),
    };
  }

  #value(type: EntityType, property: Property, value: unknown): unknown {
    if (property.type === 'Collection') return this.#collection(property, value);
    if (value === null || value === undefined) return null;
    // Int64 is a string in both forms: JavaScript's numbers do not hold it (OData JSON Format 3, 4.1).
    if (property.type === 'Edm.Int64') return String(Number(value));
    if (value instanceof Date) return this.#time(value, type.isoTimes === true);
    return value;
  }

  #collection({ element = '' }: Property, value: unknown): unknown {
    const results = (Array.isArray(value) ? (value as Entity[]) : []).map((item) =>
      Object.fromEntries(
        Object.entries(item).map(([name, part]) => [
          name,
          part instanceof Date ? this.#time(part, true) : part,
        ]),
      ),
    );
    const itemType = `${namespace}.${element}`;
    return this.form === 'verbose'
      ? {
          __metadata: { type: `Collection(${itemType})` },
          results: results.map((item) => ({ __metadata: { type: itemType }, ...item })),
        }
      : results;
  }

  #time(time: Date, iso: boolean): string {
    return this.form === 'verbose' && !iso ? `/Date(${time.getTime()})/` : time.toISOString();
  }
}

function selection(select: readonly string[] | undefined): string {
  return select === undefined ? '' : `&$select=${select.join(',')}`;
}

/** Verbose times are written `"\/Date(…)\/"`: parsers of .NET tell them from text by the backslashes. */
function text(value: unknown): string {
  return JSON.stringify(value).replace(/"\/Date\((-?\d+)\)\/"/g, String.raw`"\/Date($1)\/"`);
}
