import { z } from 'zod';

/** A key in a path: `Assets('nb%3Acid%3AUUID%3A…')`. */
export function entityPath(set: string, id: string): string {
  return `${set}('${encodeURIComponent(id)}')`;
}

/** A string literal of the URL conventions of OData 3: in single quotes, those inside doubled. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A set's path with query options, their values percent-encoded. */
export function query(set: string, options: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(options).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? set : `${set}${set.includes('?') ? '&' : '?'}${given.join('&')}`;
}

const verbose = z.object({ d: z.unknown() });
const verboseList = z.object({ results: z.array(z.unknown()), __next: z.string().optional() });
const lightList = z.object({ value: z.array(z.unknown()), 'odata.nextLink': z.string().optional() });

/** The entity in an answer of either JSON form. */
export function entityOf(body: unknown): unknown {
  const wrapped = verbose.safeParse(body);
  return wrapped.success ? wrapped.data.d : body;
}

export interface Page {
  readonly items: readonly unknown[];
  /** The next page's URL, when the service gives one. */
  readonly next: string | undefined;
}

/** The page in an answer of either JSON form; undefined when it is none. */
export function pageOf(body: unknown): Page | undefined {
  const light = lightList.safeParse(body);
  if (light.success) return { items: light.data.value, next: light.data['odata.nextLink'] };
  const inner = entityOf(body);
  if (Array.isArray(inner)) return { items: inner as unknown[], next: undefined };
  const list = verboseList.safeParse(inner);
  return list.success ? { items: list.data.results, next: list.data.__next } : undefined;
}

const errorText = z.object({ message: z.object({ value: z.string() }), code: z.string().optional() });
const errorAnswer = z.union([
  z.object({ error: errorText }).transform(({ error }) => error),
  z.object({ 'odata.error': errorText }).transform((body) => body['odata.error']),
]);

/** What the service says in an error of either JSON form; empty when it says nothing readable. */
export function errorMessageOf(body: unknown): string {
  const error = errorAnswer.safeParse(body).data;
  if (error === undefined) return '';
  return [error.code, error.message.value].filter((part) => part !== undefined && part !== '').join(': ');
}
