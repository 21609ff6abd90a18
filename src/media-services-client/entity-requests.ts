import { z } from 'zod';
import type { Answer, Call, Connection } from './connection.ts';
import { MediaServicesError } from './errors.ts';
import { entityOf, pageOf, query } from './odata.ts';

/** The service answers this many entities a page at most. */
const fullPage = 1000;

/** What is done with the entities of any set: find, list, create, update, delete. */
export class EntityRequests {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  send(call: Call): Promise<Answer> {
    return this.#connection.send(call);
  }

  /** Waits as before retry number `retry`. */
  pause(retry: number): Promise<void> {
    return this.#connection.pause(retry);
  }

  /** Undefined when there is no such entity. */
  async find<Entity>(path: string, schema: z.ZodType<Entity>): Promise<Entity | undefined> {
    try {
      const { body } = await this.#connection.send({ method: 'GET', path });
      return read(schema, entityOf(body), `GET ${path}`);
    } catch (error) {
      if (error instanceof MediaServicesError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async all<Entity>(path: string, schema: z.ZodType<Entity>): Promise<Entity[]> {
    const found: Entity[] = [];
    for await (const entity of this.list(path, schema)) found.push(entity);
    return found;
  }

  /** Follows the service's own links; a full page without one is continued by `$skip`, as the reference asks. */
  async *list<Entity>(path: string, schema: z.ZodType<Entity>): AsyncGenerator<Entity> {
    let seen = 0;
    const asked = new Set<string>();
    for (let next: string | undefined = path; next !== undefined;) {
      if (asked.has(next)) throw invalid(`GET ${path}`, 'pages link in a circle');
      asked.add(next);
      const { body } = await this.#connection.send({ method: 'GET', path: next });
      const page = pageOf(body);
      if (page === undefined) throw invalid(`GET ${path}`, 'is no list');
      for (const item of page.items) yield read(schema, item, `GET ${path}`);
      seen += page.items.length;
      next = page.next ?? (page.items.length >= fullPage ? query(path, { $skip: String(seen) }) : undefined);
    }
  }

  /** `verbose` for a body with references to other entities. */
  async create<Entity>(
    set: string,
    schema: z.ZodType<Entity>,
    body: NonNullable<Call['body']>,
    verbose = false,
  ): Promise<Entity> {
    const answer = await this.#connection.send({ method: 'POST', path: set, body, verbose });
    return read(schema, entityOf(answer.body), `POST ${set}`, 'unknown');
  }

  async update(path: string, body: Readonly<Record<string, unknown>>): Promise<void> {
    await this.write({ method: 'MERGE', path, body }, async () => {
      const entity = await this.find(path, z.record(z.string(), z.unknown()));
      return entity !== undefined && Object.entries(body).every(([name, value]) => entity[name] === value);
    });
  }

  /** What is absent already is deleted. */
  async delete(path: string): Promise<void> {
    try {
      await this.write({ method: 'DELETE', path }, async () => {
        return (await this.find(path, z.unknown())) === undefined;
      });
    } catch (error) {
      if (!(error instanceof MediaServicesError) || error.code !== 'not-found') throw error;
    }
  }

  /**
   * A write whose effect can be seen: when its answer is lost, `took` looks, and only a write that did not take is made
   * again. Undefined when it took but its answer is lost.
   */
  async write(call: Call, took: () => Promise<boolean>): Promise<Answer | undefined> {
    for (let retry = 0; ; retry += 1) {
      try {
        return await this.#connection.send(call);
      } catch (error) {
        if (!mayHaveTaken(error) || retry >= this.#connection.retries) throw error;
        await this.#connection.pause(retry);
        if (await took()) return undefined;
      }
    }
  }
}

/** A write that failed in a way which leaves open whether it took. */
export function mayHaveTaken(error: unknown): boolean {
  return error instanceof MediaServicesError && error.retriable && error.outcome === 'unknown';
}

function read<Entity>(
  schema: z.ZodType<Entity>,
  value: unknown,
  what: string,
  outcome: 'none' | 'unknown' = 'none',
): Entity {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw invalid(what, `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`, outcome);
}

function invalid(what: string, why: string, outcome: 'none' | 'unknown' = 'none'): MediaServicesError {
  const message = `The answer to ${what.replaceAll('%3A', ':')} is not what the API says: ${why.trim()}`;
  return new MediaServicesError({ code: 'invalid-answer', message, retriable: false, outcome });
}
