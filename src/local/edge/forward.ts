import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '../../message-of.ts';
import { bytesToSkip, passOn, promisedBytes, type PromisedBytes } from './body.ts';
import { FailoverLimit } from './failover-limit.ts';
import {
  continuationHeaders,
  edgeHeaders,
  requestHeaders,
  responseHeaders,
  type RestOfBody,
} from './headers.ts';
import type { Journal } from './journal.ts';
import {
  DifferentContentError,
  NoDataCenterError,
  OriginFailure,
  ViewerGoneError,
} from './origin-failure.ts';
import type { Origin } from './origin.ts';
import { answerProblem } from './problem.ts';
import type { Routing } from './routing.ts';
import type { Timings } from './timings.ts';

/** An origin's answer, its body not read yet. */
interface Answer {
  readonly origin: Origin;
  readonly response: IncomingMessage;
}

interface Failed {
  readonly origin: Origin;
  readonly failure: OriginFailure;
}

/** One viewer's request on its way. */
interface Journey {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly viewer: IncomingMessage;
  readonly answer: ServerResponse;
  /** Aborted when the viewer goes away. */
  readonly gone: AbortSignal;
  /** Body bytes passed on. */
  sent: number;
}

/** A body may change its data center this often; more is no way to serve it. */
const mostContinuations = 8;

/** Passes viewers' requests to the data centers and their answers back. */
export class Forwarder {
  readonly #routing: Routing;
  readonly #timings: Timings;
  readonly #journal: Journal;
  readonly #limit = new FailoverLimit();
  readonly #idPrefix = randomBytes(4).toString('hex');
  #requests = 0;

  constructor(routing: Routing, timings: Timings, journal: Journal) {
    this.#routing = routing;
    this.#timings = timings;
    this.#journal = journal;
  }

  /** Answers a GET, HEAD or OPTIONS request; never throws. */
  async forward(viewer: IncomingMessage, answer: ServerResponse): Promise<void> {
    const gone = new AbortController();
    answer.once('close', () => {
      if (!answer.writableFinished) gone.abort();
    });
    answer.on('error', () => undefined);
    const journey: Journey = {
      id: `${this.#idPrefix}-${(this.#requests++).toString(36)}`,
      method: viewer.method ?? 'GET',
      path: viewer.url ?? '/',
      viewer,
      answer,
      gone: gone.signal,
      sent: 0,
    };
    try {
      await this.#answer(journey);
    } catch (error) {
      if (!(error instanceof ViewerGoneError)) this.#giveUp(journey, error);
    }
  }

  #giveUp({ answer, id, path, sent }: Journey, error: unknown): void {
    const unknown = { code: 'internal', message: messageOf(error) };
    const { code, message } = isOwnError(error) ? error : unknown;
    this.#journal.unanswered({
      requestId: id,
      path: withoutQuery(path),
      sent,
      reason: code,
      detail: message,
    });
    if (answer.headersSent) {
      // Never a clean end after a part of a body: a reset tells the player to ask again.
      answer.socket?.resetAndDestroy();
    } else if (error instanceof NoDataCenterError) {
      const title = 'No data center could answer';
      answerProblem(answer, { status: 503, code, title, detail: message, retryAfter: 2 });
    } else {
      answerProblem(answer, { status: 500, code, title: 'The edge failed' });
    }
  }

  async #answer(journey: Journey): Promise<void> {
    const first = await this.#firstAnswer(journey);
    const { origin, response } = first;
    journey.answer.sendDate = response.headers.date === undefined;
    journey.answer.writeHead(response.statusCode ?? 502, [
      ...responseHeaders(response.rawHeaders, response.headers.connection),
      ...edgeHeaders(origin.key, journey.id, response.headers),
    ]);
    // With the first bytes when they are here already; at once, when the body is slow to come.
    const flush = setImmediate(() => journey.answer.flushHeaders());
    try {
      await this.#passOnWhole(journey, first);
    } finally {
      clearImmediate(flush);
    }
    journey.answer.end();
  }

  /**
   * Asks one data center after the other. A 404 is an answer, not a failure, but one that serves is then asked for a
   * second opinion: after an outage a new stream may be published in B only until A has its replica.
   * @throws NoDataCenterError
   * @throws ViewerGoneError
   */
  async #firstAnswer(journey: Journey): Promise<Answer> {
    const failed: Failed[] = [];
    const spared: string[] = [];
    const candidates = this.#routing.candidates();
    let notFound: Answer | undefined;
    for (const origin of this.#timings.failOver ? candidates : candidates.slice(0, 1)) {
      if (notFound !== undefined && this.#routing.health(origin).state !== 'serving') continue;
      try {
        const ask = (): Promise<IncomingMessage> => this.#askForAnswer(journey, origin);
        const response = failed.length === 0 ? await ask() : await this.#limit.run(origin, ask);
        if (response === undefined) {
          spared.push(`${origin.key}: not asked, as it failed all the last failovers`);
          continue;
        }
        const status = response.statusCode ?? 0;
        this.#noteFailovers(journey, failed, origin, undefined);
        failed.length = 0;
        if (notFound === undefined && status === 404 && this.#timings.failOver) {
          notFound = { origin, response };
        } else if (notFound === undefined || status < 400) {
          notFound?.response.destroy();
          return { origin, response };
        } else {
          response.destroy();
        }
      } catch (error) {
        if (!(error instanceof OriginFailure)) {
          notFound?.response.destroy();
          throw error;
        }
        this.#routing.failed(origin, error);
        failed.push({ origin, failure: error });
      }
    }
    if (notFound !== undefined) return notFound;
    throw new NoDataCenterError(
      [...failed.map(({ origin, failure }) => `${origin.key}: ${failure.message}`), ...spared].join('; '),
    );
  }

  /** @throws OriginFailure for a 5xx, too, when there is another data center to ask */
  async #askForAnswer(journey: Journey, origin: Origin): Promise<IncomingMessage> {
    const response = await this.#ask(journey, origin);
    const status = response.statusCode ?? 0;
    if (status < 500 || !this.#timings.failOver) return response;
    response.destroy();
    throw new OriginFailure('server-error', `answered ${status}`);
  }

  /** Sends the viewer's request to an origin, or one for the rest of the body that it was answered with. */
  #ask(journey: Journey, origin: Origin, rest?: RestOfBody): Promise<IncomingMessage> {
    const { viewer, method, path } = journey;
    const asViewer = requestHeaders(viewer.rawHeaders, viewer.headers.connection, origin.url.host);
    const headers = rest === undefined ? asViewer : continuationHeaders(asViewer, rest);
    return origin.ask({ method, path, headers }, this.#timings.headersLimit, journey.gone);
  }

  async #passOnWhole(journey: Journey, first: Answer): Promise<void> {
    const promised = journey.method === 'GET' ? promisedBytes(first.response) : undefined;
    const length = promised?.last === undefined ? undefined : promised.last - promised.first + 1;
    let current = first;
    let skip = 0;
    for (let continuations = 0; ; continuations++) {
      try {
        await passOn(current.response, journey.answer, {
          skip,
          take: length === undefined ? undefined : length - journey.sent,
          stallLimit: this.#timings.stallLimit,
          onBytes: (count) => (journey.sent += count),
        });
        this.#routing.succeeded(current.origin);
        return;
      } catch (error) {
        if (!(error instanceof OriginFailure)) throw error;
        this.#routing.failed(current.origin, error);
        const canGoOn = this.#timings.continueBodies && continuations < mostContinuations;
        if (promised === undefined || !canGoOn) throw error;
        const next = await this.#continuation(journey, promised, { origin: current.origin, failure: error });
        ({ skip } = next);
        current = next;
      }
    }
  }

  /** The rest of a body from another data center, or at last from the same one, over a new connection. */
  async #continuation(
    journey: Journey,
    promised: PromisedBytes,
    broken: Failed,
  ): Promise<Answer & { readonly skip: number }> {
    const failed: Failed[] = [broken];
    const others = this.#routing.candidates().filter((origin) => origin !== broken.origin);
    let last: Error = broken.failure;
    for (const origin of [...others, broken.origin]) {
      try {
        const found = await this.#limit.run(origin, () => this.#askForRest(journey, promised, origin));
        if (found === undefined) continue;
        this.#noteFailovers(journey, failed, origin, journey.sent);
        return found;
      } catch (error) {
        if (error instanceof OriginFailure) {
          this.#routing.failed(origin, error);
          failed.push({ origin, failure: error });
        } else if (!(error instanceof DifferentContentError)) {
          throw error;
        }
        last = error;
      }
    }
    throw last;
  }

  /**
   * @throws OriginFailure
   * @throws DifferentContentError
   */
  async #askForRest(
    journey: Journey,
    promised: PromisedBytes,
    origin: Origin,
  ): Promise<Answer & { readonly skip: number }> {
    const first = promised.first + journey.sent;
    const response = await this.#ask(journey, origin, { first, last: promised.last, etag: promised.etag });
    try {
      return { origin, response, skip: bytesToSkip(response, promised, first) };
    } catch (error) {
      response.destroy();
      throw error;
    }
  }

  #noteFailovers(journey: Journey, failed: readonly Failed[], to: Origin, atByte: number | undefined): void {
    for (const { origin, failure } of failed) {
      this.#journal.failedOver(
        {
          at: new Date().toISOString(),
          requestId: journey.id,
          from: origin.key,
          to: to.key,
          reason: failure.code,
          atByte,
        },
        { path: withoutQuery(journey.path), detail: failure.message },
      );
    }
  }
}

function isOwnError(error: unknown): error is OriginFailure | DifferentContentError | NoDataCenterError {
  return [OriginFailure, DifferentContentError, NoDataCenterError].some((type) => error instanceof type);
}

function withoutQuery(path: string): string {
  return path.split('?', 1)[0] ?? path;
}
