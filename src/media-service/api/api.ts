import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../log.ts';
import type { Store } from '../store/store.ts';
import { ApiError, apiErrorOf, badRequest, notAllowed } from './api-error.ts';
import { assetSet, fileSet, storageAccountSet } from './asset-sets.ts';
import { streamingEndpointSet, operationSet } from './endpoint-sets.ts';
import { idIn, missing, type EntitySet, type Target } from './entity-set.ts';
import type { Entity } from './entity-types.ts';
import { contentTypes, JsonWriter } from './json-forms.ts';
import { jobSet, mediaProcessorSet, taskSet } from './job-sets.ts';
import { accessPolicySet, locatorSet } from './locator-sets.ts';
import { countOf, pageOf } from './paging.ts';
import { readQueryOptions } from './query-options.ts';
import {
  checkVersions,
  formOf,
  identifyingHeaders,
  readApiRequest,
  type ApiRequest,
  type Segment,
} from './request.ts';

/** Tells who may use the API. Tokens of other issuers are a further validator behind the same question. */
export interface TokenValidator {
  /** @throws ApiError 401 */
  validate(authorization: string | undefined): Promise<void>;
}

export interface ApiOptions {
  readonly store: Store;
  /** Resolves when storage is prepared. @throws StorageUnavailableError when that takes too long */
  readonly ready: () => Promise<void>;
  readonly tokens: TokenValidator;
  /** The API's public base URL, with a slash at its end. */
  readonly apiBase: () => string;
  readonly log: Log;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly contentType?: string;
}

/** The v2 REST API, below its base. */
export class Api {
  readonly #options: ApiOptions;
  readonly #sets: ReadonlyMap<string, EntitySet>;

  constructor(options: ApiOptions) {
    this.#options = options;
    const { store } = options;
    const sets = [
      assetSet(store),
      fileSet(store),
      accessPolicySet(store),
      locatorSet(store),
      jobSet(store),
      taskSet(store),
      mediaProcessorSet(),
      streamingEndpointSet(store),
      operationSet(store),
      storageAccountSet(store),
    ];
    this.#sets = new Map(sets.map((set) => [set.type.set, set]));
  }

  /** Answers a request for `path` (decoded, below the API's base) and its raw query. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: string,
  ): Promise<void> {
    const identity = identifyingHeaders(request);
    let answer: Answer;
    try {
      await this.#options.tokens.validate(request.headers.authorization);
      checkVersions(request);
      const apiRequest = readApiRequest(request, path, query);
      await this.#options.ready();
      answer = await this.#answer(apiRequest);
    } catch (error) {
      answer = this.#failure(request, error, identity['request-id'] ?? '');
    }
    send(request, response, answer, identity);
  }

  async #answer(request: ApiRequest): Promise<Answer> {
    const writer = new JsonWriter(request.form, this.#options.apiBase());
    const json = (status: number, body: string, headers?: Readonly<Record<string, string>>): Answer => ({
      status,
      body,
      contentType: contentTypes[request.form],
      ...(headers !== undefined && { headers }),
    });
    const [first, second, third, ...rest] = request.segments;
    if (first === undefined) {
      if (request.method !== 'GET') throw notAllowed(['GET']);
      return json(200, writer.serviceDocument([...this.#sets.keys()]));
    }
    if (first.name === 'CreateFileInfos' || first.name === 'CancelJob')
      return this.#callFunction(first.name, request);
    const set = this.#sets.get(first.name);
    if (set === undefined || rest.length > 0) throw unknownSegment(first);
    if (first.key === undefined) return this.#collection(set, second, third, request, writer, json);
    if (second === undefined) return this.#entity(set, first.key, request, writer, json);
    const action = own(set.actions, second.name);
    if (action !== undefined) {
      if (request.method !== 'POST') throw notAllowed(['POST']);
      return { status: 202, headers: { 'operation-id': await action(first.key) } };
    }
    if (request.method !== 'GET') throw notAllowed(['GET']);
    const navigation = own(set.navigation, second.name);
    if (navigation !== undefined) {
      return this.#target(await navigation(first.key), third, request, writer, json);
    }
    const property = set.type.properties.find(({ name }) => name === second.name);
    if (property === undefined || third !== undefined) throw unknownSegment(second);
    return json(200, writer.property(set.type, await existing(set, first.key), property));
  }

  async #callFunction(name: 'CreateFileInfos' | 'CancelJob', request: ApiRequest): Promise<Answer> {
    if (request.method !== 'GET' && request.method !== 'POST') throw notAllowed(['GET']);
    const { store } = this.#options;
    if (name === 'CreateFileInfos') {
      await store.files.createFromBlobs(idIn('Asset', quoted(request.parameters, 'assetid')));
    } else {
      await store.jobs.cancel(idIn('Job', quoted(request.parameters, 'jobid')));
    }
    return { status: 204 };
  }

  async #collection(
    set: EntitySet,
    second: Segment | undefined,
    third: Segment | undefined,
    request: ApiRequest,
    writer: JsonWriter,
    json: (status: number, body: string, headers?: Readonly<Record<string, string>>) => Answer,
  ): Promise<Answer> {
    if (request.method === 'POST' && second === undefined && set.create !== undefined) {
      const entity: Entity = { ...(await set.create(await request.body())) };
      return json(201, writer.entity(set.type, entity), { Location: writer.uriOf(set.type, entity) });
    }
    if (request.method !== 'GET') throw notAllowed(set.create === undefined ? ['GET'] : ['GET', 'POST']);
    if (third !== undefined) throw unknownSegment(third);
    const options = readQueryOptions(request.parameters, set.type);
    const scan = await set.scan(options.filter?.demands() ?? new Map());
    return this.#target({ kind: 'many', type: set.type, scan }, second, request, writer, json);
  }

  async #target(
    target: Target,
    next: Segment | undefined,
    request: ApiRequest,
    writer: JsonWriter,
    json: (status: number, body: string) => Answer,
  ): Promise<Answer> {
    const options = readQueryOptions(request.parameters, target.type);
    if (target.kind === 'one') {
      if (next !== undefined) throw unknownSegment(next);
      return json(200, writer.entity(target.type, { ...target.entity }, options.select));
    }
    if (next?.name === '$count') {
      const count = await countOf(target.scan, options);
      return { status: 200, body: String(count), contentType: 'text/plain;charset=utf-8' };
    }
    if (next !== undefined) throw unknownSegment(next);
    const page = await pageOf(target.scan, options);
    return json(200, writer.page(target.type, page, this.#nextLink(request, page.next), options.select));
  }

  async #entity(
    set: EntitySet,
    key: string,
    request: ApiRequest,
    writer: JsonWriter,
    json: (status: number, body: string) => Answer,
  ): Promise<Answer> {
    switch (request.method) {
      case 'GET': {
        const { select } = readQueryOptions(request.parameters, set.type);
        return json(200, writer.entity(set.type, await existing(set, key), select));
      }
      case 'MERGE':
      case 'PUT':
        if (set.update === undefined) break;
        await set.update(key, await request.body(), request.method === 'PUT' ? 'replace' : 'merge');
        return { status: 204 };
      case 'DELETE':
        if (set.remove === undefined) break;
        await set.remove(key, request.parameters);
        return { status: 204 };
      case 'POST':
        break;
    }
    throw notAllowed([
      'GET',
      ...(set.update === undefined ? [] : ['MERGE', 'PATCH', 'PUT']),
      ...(set.remove === undefined ? [] : ['DELETE']),
    ]);
  }

  #nextLink(
    request: ApiRequest,
    next: Readonly<Record<string, string | undefined>> | undefined,
  ): string | undefined {
    if (next === undefined) return undefined;
    const parameters = new URLSearchParams(request.parameters);
    for (const [name, value] of Object.entries(next)) {
      if (value === undefined) parameters.delete(name);
      else parameters.set(name, value);
    }
    // OData options keep their dollar signs, and spaces are %20 for clients that read a link by hand.
    const query = parameters.toString().replaceAll('%24', '$').replaceAll('+', '%20');
    return `${this.#options.apiBase()}${encodeURI(request.relative)}?${query}`;
  }

  #failure(request: IncomingMessage, error: unknown, requestId: string): Answer {
    const known = apiErrorOf(error);
    const { log } = this.#options;
    if (known === undefined) log.error({ err: error, requestId }, 'A request failed');
    // The client learns only that it may try again; whoever runs the service has to see what it was.
    else if (known.status === 503)
      log.warn({ requestId, reason: String(error) }, 'A request cannot be served now');
    const form = formOfError(request);
    const { status, message, headers } =
      known ?? new ApiError(500, 'An internal error occurred. Please retry the request.');
    return {
      status,
      headers,
      body: new JsonWriter(form, this.#options.apiBase()).error(message),
      contentType: contentTypes[form],
    };
  }
}

function formOfError(request: IncomingMessage): 'verbose' | 'light' {
  try {
    return formOf(request);
  } catch {
    return 'light';
  }
}

async function existing(set: EntitySet, key: string): Promise<Entity> {
  const entity = await set.get(key);
  if (entity === undefined) throw missing(set.type.set, key);
  return { ...entity };
}

/** What a name from outside stands for; names that every object inherits (`constructor`, `toString`) stand for nothing. */
function own<Member>(members: Readonly<Record<string, Member>> = {}, name: string): Member | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

const unknownSegment = ({ name }: Segment): ApiError =>
  new ApiError(404, `Resource not found for the segment '${name}'.`);

/** A parameter of a function, in its single quotes. */
function quoted(parameters: URLSearchParams, name: string): string {
  const found = [...parameters].find(([key]) => key.toLowerCase() === name)?.[1];
  const text = /^'(.*)'$/.exec(found ?? '')?.[1];
  if (text === undefined) throw badRequest(`The parameter ${name} is missing: ${name}='…'.`);
  try {
    // Some clients encode the id twice.
    return decodeURIComponent(text);
  } catch {
    throw badRequest(`The parameter ${name} cannot be read.`);
  }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  identity: Readonly<Record<string, string>>,
): void {
  const body = answer.body ?? '';
  response.writeHead(answer.status, {
    ...identity,
    'Cache-Control': 'no-cache, no-store',
    'X-Content-Type-Options': 'nosniff',
    DataServiceVersion: answer.contentType?.includes('verbose') === true ? '2.0;' : '3.0;',
    ...(answer.contentType !== undefined && { 'Content-Type': answer.contentType }),
    ...(answer.status !== 204 && { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...answer.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
