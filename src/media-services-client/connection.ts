import { randomUUID } from 'node:crypto';
import { errorOfStatus, MediaServicesError } from './errors.ts';
import { errorOfFailure, within } from './failure.ts';
import { errorMessageOf } from './odata.ts';
import { backoff, longestWait, parseRetryAfter, type Clock } from './retry.ts';
import type { AccessToken, TokenCache } from './tokens.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'MERGE' | 'DELETE';
  /** Relative to the API's base; a page's next link may be absolute. */
  readonly path: string;
  /** A few GETs of this API change something. */
  readonly write?: boolean;
  /** The body to send; a function gets the base that references in it are made with. */
  readonly body?: Readonly<Record<string, unknown>> | ((base: string) => Readonly<Record<string, unknown>>);
  /** Send and ask for verbose JSON (what `__metadata` references need); else light. */
  readonly verbose?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON in it; undefined when it has no body. */
  readonly body: unknown;
}

export interface ConnectionOptions {
  /** With a slash at its end. */
  readonly mediaApi: string;
  readonly tokens: TokenCache;
  readonly clock: Clock;
  /** 0 to 1, as Math.random. */
  readonly random: () => number;
  /** Milliseconds a request may take, its body included. */
  readonly timeLimit: number;
  /** After the first try. */
  readonly retries: number;
  readonly signal: AbortSignal | undefined;
}

const redirects = new Set([301, 302, 307, 308]);
/** An API that moves more often in a row is misconfigured. */
const mostMoves = 3;

/**
 * Requests to one media service: token, base URL, headers, time limit and retries. Reads are repeated on 408, 429, 5xx
 * and network failures; writes only when they certainly did not take (408, 429, 503, no connection).
 */
export class Connection {
  readonly #options: ConnectionOptions;
  #base: { readonly url: string; readonly token: AccessToken } | undefined;
  #discovery: Promise<string> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** How often a call is repeated, after the first try. */
  get retries(): number {
    return this.#options.retries;
  }

  /** @throws MediaServicesError for every answer that is not 2xx */
  async send(call: Call): Promise<Answer> {
    const { clock, random, retries, signal } = this.#options;
    for (let retry = 0; ; retry += 1) {
      try {
        return await this.#exchange(call);
      } catch (error) {
        const failure = errorOfFailure(error, { name: nameOf(call), write: isWrite(call) }, signal);
        const wait = Math.max(backoff(retry, random()), failure.retryAfter ?? 0);
        const repeat = failure.retriable && failure.outcome === 'none' && wait <= longestWait;
        if (!repeat || retry === retries) throw failure;
        await this.#sleep(wait, clock, call);
      }
    }
  }

  /** Waits before a call is looked into or repeated by the caller. */
  async pause(retry: number): Promise<void> {
    const { clock, random } = this.#options;
    await this.#sleep(backoff(retry, random()), clock, undefined);
  }

  async #sleep(wait: number, clock: Clock, call: Call | undefined): Promise<void> {
    const { signal } = this.#options;
    await clock.sleep(wait, signal).catch((error: unknown) => {
      const name = call === undefined ? 'Waiting' : nameOf(call);
      throw errorOfFailure(error, { name, write: false }, signal);
    });
  }

  /** One call, with a renewed token when the first is refused and at the new base when the API has moved. */
  async #exchange(call: Call): Promise<Answer> {
    const { tokens } = this.#options;
    let token = await tokens.get();
    let renewed = false;
    for (let moves = 0; ;) {
      const base = await this.#baseFor(token);
      const answer = await this.#request(call, base, token);
      if (answer.status === 401 && !renewed) {
        tokens.drop(token);
        token = await tokens.get();
        renewed = true;
      } else if (redirects.has(answer.status)) {
        // Not followed: nothing was done there. The new base is found by a read, then the call is made anew.
        if (this.#base?.url === base) this.#base = undefined;
        moves += 1;
        if (moves > mostMoves) throw redirected(`${nameOf(call)} was sent on more than ${mostMoves} times`);
      } else if (answer.status >= 200 && answer.status < 300) {
        return answer;
      } else {
        throw errorOfStatus({
          name: nameOf(call),
          write: isWrite(call),
          status: answer.status,
          said: errorMessageOf(answer.body).slice(0, 500),
          retryAfter: parseRetryAfter(answer.headers.get('retry-after'), this.#options.clock.now()),
        });
      }
    }
  }

  /** The API's base URL, found once a token: 301 names another one. */
  async #baseFor(token: AccessToken): Promise<string> {
    if (this.#base?.token === token) return this.#base.url;
    this.#discovery ??= this.#discover(token)
      .catch((error: unknown) => {
        // The call itself has not been made: a write has not taken.
        throw errorOfFailure(error, { name: 'Finding the API', write: false }, this.#options.signal);
      })
      .finally(() => (this.#discovery = undefined));
    return this.#discovery;
  }

  async #discover(token: AccessToken): Promise<string> {
    let url = this.#options.mediaApi;
    for (let moves = 0; moves <= mostMoves; moves += 1) {
      const answer = await this.#request({ method: 'GET', path: '' }, url, token);
      if (redirects.has(answer.status)) {
        url = movedTo(url, answer.headers.get('location'));
        continue;
      }
      // Whatever else is wrong, the call itself will be told; only what it says of the base is kept.
      if (answer.status !== 401 && answer.status < 500) this.#base = { url, token };
      return url;
    }
    throw redirected(`The API was sent on more than ${mostMoves} times`);
  }

  async #request(call: Call, base: string, token: AccessToken): Promise<Answer> {
    const url = absolute(call.path, base);
    const json = call.verbose === true ? 'application/json;odata=verbose' : 'application/json';
    const body = typeof call.body === 'function' ? call.body(base) : call.body;
    const response = await fetch(url, {
      method: call.method,
      redirect: 'manual',
      signal: within(this.#options.timeLimit, this.#options.signal),
      headers: {
        Authorization: `Bearer ${token.value}`,
        Accept: json,
        ...(body === undefined ? {} : { 'Content-Type': json }),
        DataServiceVersion: '3.0',
        MaxDataServiceVersion: '3.0',
        'x-ms-version': '2.19',
        'x-ms-client-request-id': randomUUID(),
        'User-Agent': 'failover-streaming',
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    return {
      status: response.status,
      headers: response.headers,
      body: parseJson(await response.text(), response.ok, call),
    };
  }
}

function isWrite(call: Call): boolean {
  return call.write ?? call.method !== 'GET';
}

/** As messages name a call: no query, for that may be long. */
function nameOf(call: Call): string {
  const [path = ''] = call.path.split('?');
  return `${call.method} ${path === '' ? 'the API' : path.replaceAll('%3A', ':')}`;
}

function parseJson(text: string, mustBeJson: boolean, call: Call): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    if (!mustBeJson) return undefined;
    throw new MediaServicesError({
      code: 'invalid-answer',
      message: `${nameOf(call)} was answered with something that is not JSON`,
      retriable: false,
      outcome: isWrite(call) ? 'unknown' : 'none',
    });
  }
}

/** The token goes only where the API is: a link that leads elsewhere is refused. */
function absolute(path: string, base: string): URL {
  const url = new URL(path, base);
  if (url.origin !== new URL(base).origin) {
    throw new MediaServicesError({
      code: 'invalid-answer',
      message: `The service links to another host, ${url.host}`,
      retriable: false,
    });
  }
  return url;
}

function movedTo(from: string, location: string | null): string {
  if (location === null || !URL.canParse(location, from)) {
    throw redirected('The API has moved without saying where');
  }
  const url = new URL(location, from);
  if (url.protocol !== 'https:' && new URL(from).protocol === 'https:') {
    throw redirected(`The API has moved to ${url.host} without https`);
  }
  url.search = '';
  url.hash = '';
  return url.href.endsWith('/') ? url.href : `${url.href}/`;
}

function redirected(message: string): MediaServicesError {
  return new MediaServicesError({ code: 'redirected', message, retriable: false });
}
