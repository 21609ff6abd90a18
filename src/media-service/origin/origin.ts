import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { allowedMethods, answerWith, optionsAnswer, sendProblem } from './answer.ts';
import type { Answer } from './answer.ts';
import { readPieces } from './blob-reading.ts';
import { Library } from './library.ts';
import { endpointProblem, OriginProblem, problemOf } from './problem.ts';
import { probeContent } from './probe.ts';
import type { ContentProbe } from './probe.ts';
import { BlobChangedError } from './published-content.ts';
import type { PublishedContent } from './published-content.ts';
import { represent } from './representations.ts';
import { readTarget } from './request-target.ts';
import type { RequestTarget } from './request-target.ts';

/** Where the origin logs; a pino logger is one. */
export interface OriginLog {
  warn(properties: object, message: string): void;
  error(properties: object, message: string): void;
}

export interface OriginOptions {
  /** Memory for track indexes and manifests, bytes. */
  readonly indexCacheBytes: number;
  /** Memory for fragments, bytes. */
  readonly fragmentCacheBytes: number;
  readonly log: OriginLog;
  /** How long what a locator publishes is taken for unchanged, milliseconds (2,000): a delete shows after this. */
  readonly publicationFreshness?: number;
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

/** Makes a streaming endpoint over what a store publishes. */
export function createOrigin(content: PublishedContent, options: OriginOptions): Origin {
  const { log } = options;
  const library = new Library(content, {
    indexCacheBytes: options.indexCacheBytes,
    fragmentCacheBytes: options.fragmentCacheBytes,
    publicationFreshness: options.publicationFreshness ?? 2000,
    now: options.now ?? Date.now,
  });

  async function needRunningEndpoint(): Promise<void> {
    const state = await content.endpointState();
    if (state !== 'Running') throw endpointProblem(state);
  }

  /** Where a blob was replaced since the asset was looked at, looks again, once. */
  async function withFreshLook<Result>(locator: string, attempt: () => Promise<Result>): Promise<Result> {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof BlobChangedError)) throw error;
      library.forget(locator);
      return attempt();
    }
  }

  async function answerTo(
    request: IncomingMessage,
    target: RequestTarget,
    signal: AbortSignal,
  ): Promise<Answer> {
    if (request.method === 'OPTIONS') return optionsAnswer;
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new OriginProblem(405, 'method-not-allowed', `The methods are ${allowedMethods}.`, {
        Allow: allowedMethods,
      });
    }
    await needRunningEndpoint();
    return withFreshLook(target.locator, async () => {
      const publication = await library.publication(target.locator, signal);
      return answerWith(await represent(library, publication, target, signal), request, signal);
    });
  }

  async function send(response: ServerResponse, answer: Answer, signal: AbortSignal): Promise<void> {
    const { status, headers, body } = answer;
    response.writeHead(status, headers);
    if (body.kind === 'file') {
      const { first, last } = body.range;
      await pipeline(readPieces(content, body.version, first, last - first + 1, signal), response);
      return;
    }
    const pieces = body.kind === 'pieces' ? body.pieces : [];
    response.cork();
    for (const piece of pieces) response.write(piece);
    response.end();
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
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      let target: RequestTarget | undefined;
      try {
        target = readTarget(request.url ?? '/');
        if (target === undefined) return false;
        await send(response, await answerTo(request, target, gone.signal), gone.signal);
      } catch (error) {
        if (gone.signal.aborted) return true;
        const problem = problemOf(error);
        report(error, problem, target);
        sendProblem(response, problem, request.method !== 'HEAD');
      }
      return true;
    },

    async probe(locatorGuid) {
      const { signal } = new AbortController();
      const locator = locatorGuid.toLowerCase();
      try {
        await needRunningEndpoint();
        return await withFreshLook(locator, async () =>
          probeContent(library, await library.publication(locator, signal), signal),
        );
      } catch (error) {
        const { code, message } = problemOf(error);
        return { outcome: 'bad', code, message };
      }
    },
  };
}
