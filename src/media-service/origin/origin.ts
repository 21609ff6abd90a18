import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { Log } from '../log.ts';
import {
  allowedMethods,
  answerWith,
  contentHeaders,
  isPlainGet,
  optionsAnswer,
  sendProblem,
  type Answer,
} from './answer.ts';
import { ask, readPieces } from './blob-reading.ts';
import { lengthOf } from './bodies.ts';
import { BoundedCache, createClient, type Client } from './bounded-cache.ts';
import { Library } from './library.ts';
import { endpointProblem, OriginProblem, problemOf, tooManyReaders } from './problem.ts';
import { probeContent, type ContentProbe } from './probe.ts';
import { BlobChangedError, type PublishedBlob, type PublishedContent } from './published-content.ts';
import { represent, type Representation } from './representations.ts';
import { readTarget, type RequestTarget } from './request-target.ts';

export interface OriginOptions {
  /** Memory for track indexes and manifests, bytes. */
  readonly indexCacheBytes: number;
  /** Memory for fragments, bytes. */
  readonly fragmentCacheBytes: number;
  readonly log: Log;
  /** How long what a locator publishes is taken for unchanged, milliseconds (2,000): a delete shows after this. */
  readonly publicationFreshness?: number;
  /** Whole files that are read at a time, at most (64): manifests and fragments, which are read first, need the rest. */
  readonly fileReaders?: number;
  /** How long a reader of a file may take nothing, milliseconds (30,000). */
  readonly readerPatience?: number;
  /** The time, milliseconds since the epoch. */
  readonly now?: () => number;
}

/** A streaming endpoint's request handler, for a bare node:http server. */
export interface Origin {
  /** Answers the request; false when its path is not an origin path, and then nothing was done. Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<boolean>;
  /** Reads what a locator publishes: its server manifest, each track's index, a fragment. Never rejects. */
  probe(locatorGuid: string): Promise<ContentProbe>;
}

/** What a URL was found to stand for, and when that holds. */
interface Remembered {
  readonly target: RequestTarget;
  readonly representation: Representation;
  readonly blobs: ReadonlyMap<string, PublishedBlob>;
  /** Of the whole of it; made when first needed. */
  headers?: OutgoingHttpHeaders;
}

/** Memory for what URLs stand for, bytes: some thousands of them. */
const rememberedBytes = 8 * 2 ** 20;
/** How long the endpoint is taken for Running by answers that ask nobody, milliseconds. */
const runningFreshness = 1000;
/** Longer URLs, of which there can be any number, are read anew each time. */
const maximumRememberedUrl = 400;

/** Who asked: gone when the connection closes before the answer is sent. */
class RequestClient implements Client {
  readonly #response: ServerResponse;
  #controller: AbortController | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get isGone(): boolean {
    return this.#response.closed && !this.#response.writableFinished;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = createClient();
      this.#controller = controller;
      if (this.isGone) controller.abort();
      this.#response.once('close', () => {
        if (this.isGone) controller.abort();
      });
    }
    return this.#controller.signal;
  }
}

async function* begunWith(
  begin: IteratorResult<Buffer>,
  rest: AsyncGenerator<Buffer>,
): AsyncGenerator<Buffer> {
  if (begin.done !== true) yield begin.value;
  yield* rest;
}

/** Makes a streaming endpoint over what a store publishes. */
export function createOrigin(content: PublishedContent, options: OriginOptions): Origin {
  const { log, indexCacheBytes, fragmentCacheBytes, publicationFreshness = 2000, now = Date.now } = options;
  const { fileReaders = 64, readerPatience = 30_000 } = options;
  const library = new Library(content, { indexCacheBytes, fragmentCacheBytes, publicationFreshness, now });
  const remembered = new BoundedCache<Remembered>(rememberedBytes, () => 2000 + maximumRememberedUrl * 4);

  let runningUntil = 0;
  let filesBeingRead = 0;

  async function needRunningEndpoint(): Promise<void> {
    const state = await ask(content.endpointState());
    if (state !== 'Running') throw endpointProblem(state);
    runningUntil = now() + Math.min(runningFreshness, publicationFreshness);
  }

  /** The answer to a plain GET of what was just served to another viewer: nothing to ask, nothing to wait for. */
  function answerAtOnce(request: IncomingMessage, known: Remembered): Answer | undefined {
    if (!isPlainGet(request) || runningUntil <= now()) return undefined;
    if (!library.isCurrent(known.target.locator, known.blobs)) return undefined;
    const pieces = known.representation.atHand();
    if (pieces === undefined) return undefined;
    known.headers ??= contentHeaders(known.representation, lengthOf(pieces));
    return { status: 200, headers: known.headers, body: { kind: 'pieces', pieces } };
  }

  /** Where a blob was replaced since the asset was looked at, looks again, once; not when an answer has begun. */
  async function withFreshLook<Result>(
    locator: string,
    attempt: () => Promise<Result>,
    response?: ServerResponse,
  ): Promise<Result> {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof BlobChangedError) || response?.headersSent === true) throw error;
      library.forget(locator);
      return attempt();
    }
  }

  /** What the URL stands for: remembered while the asset's blobs are the same, as most requests are for a few URLs. */
  async function find(url: string, target: RequestTarget, client: Client): Promise<Representation> {
    const publication = await library.publication(target.locator, client);
    const known = remembered.get(url);
    if (known?.blobs === publication.blobs) return known.representation;
    const representation = await represent(library, publication, target, client);
    if (url.length <= maximumRememberedUrl) {
      remembered.set(url, { target, representation, blobs: publication.blobs });
    }
    return representation;
  }

  async function answerAnew(
    request: IncomingMessage,
    response: ServerResponse,
    target: RequestTarget,
    client: Client,
  ): Promise<void> {
    if (request.method === 'OPTIONS') {
      await send(response, optionsAnswer, client);
      return;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new OriginProblem(405, 'method-not-allowed', `The methods are ${allowedMethods}.`, {
        Allow: allowedMethods,
      });
    }
    await needRunningEndpoint();
    const attempt = async (): Promise<void> => {
      const representation = await find(request.url ?? '/', target, client);
      await send(response, await answerWith(representation, request, client), client);
    };
    await withFreshLook(target.locator, attempt, response);
  }

  async function send(response: ServerResponse, answer: Answer, client: Client): Promise<void> {
    const { status, headers, body } = answer;
    if (body.kind === 'file') {
      // Not 5xx: this data center is well, and an edge must not take it for one that fails.
      if (filesBeingRead >= fileReaders) throw tooManyReaders();
      filesBeingRead++;
      try {
        const { first, last } = body.range;
        const pieces = readPieces(content, body.version, first, last - first + 1, client.signal);
        // Nothing is promised before the storage has begun: until then a failure can still be told.
        const begin = await pieces.next();
        response.setTimeout(readerPatience, () => response.destroy());
        response.writeHead(status, headers);
        await pipeline(begunWith(begin, pieces), response);
      } finally {
        filesBeingRead--;
      }
      return;
    }
    response.writeHead(status, headers);
    const pieces = body.kind === 'pieces' ? body.pieces : [];
    if (pieces.length > 1) response.cork();
    for (const piece of pieces.slice(0, -1)) response.write(piece);
    response.end(pieces.at(-1));
  }

  function report(error: unknown, problem: OriginProblem, target: RequestTarget | undefined): void {
    // Not the raw URL: a query may carry a viewer's token.
    const properties = { code: problem.code, status: problem.status, path: target?.canonical };
    if (problem.code === 'internal') log.error({ ...properties, err: error }, 'The origin failed');
    else if (problem.status >= 500)
      log.warn({ ...properties, reason: String(error) }, 'The origin cannot serve');
  }

  return {
    async handle(request, response) {
      const url = request.url ?? '/';
      const client = new RequestClient(response);
      let target: RequestTarget | undefined;
      try {
        const known = remembered.get(url);
        target = known?.target ?? readTarget(url);
        if (target === undefined) return false;
        const atOnce = known && answerAtOnce(request, known);
        if (atOnce === undefined) await answerAnew(request, response, target, client);
        else await send(response, atOnce, client);
      } catch (error) {
        if (client.isGone) return true;
        const problem = problemOf(error);
        report(error, problem, target);
        sendProblem(response, problem, request.method !== 'HEAD');
      }
      return true;
    },

    async probe(locatorGuid) {
      const client = createClient();
      const locator = locatorGuid.toLowerCase();
      try {
        await needRunningEndpoint();
        return await withFreshLook(locator, async () =>
          probeContent(library, await library.publication(locator, client), client),
        );
      } catch (error) {
        const { code, message } = problemOf(error);
        return { outcome: 'bad', code, message };
      }
    },
  };
}
