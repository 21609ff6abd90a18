import http from 'node:http';
import https from 'node:https';
import type { DataCenterKey } from '../../streams/data-center.ts';
import { OriginFailure, ViewerGoneError } from './origin-failure.ts';
import { watchdog } from './watchdog.ts';

/** A request to an origin; it never has a body. */
export interface OriginRequest {
  readonly method: string;
  /** Path and query as the viewer sent them. */
  readonly path: string;
  /** Name, value, name, value, …; the Host first. */
  readonly headers: readonly string[];
}

/** A data center's streaming endpoint, with its kept-alive connections. */
export class Origin {
  readonly key: DataCenterKey;
  readonly url: URL;
  readonly #http: typeof http | typeof https;
  readonly #agent: http.Agent;

  constructor(key: DataCenterKey, url: URL) {
    this.key = key;
    this.url = url;
    this.#http = url.protocol === 'https:' ? https : http;
    // The newest connection first: the others may then go idle and be closed.
    this.#agent = new this.#http.Agent({ keepAlive: true, scheduling: 'lifo', maxFreeSockets: 64 });
  }

  /**
   * Sends a request and waits for the headers of its answer, at most `limit` milliseconds. The body is not read yet.
   * @throws OriginFailure
   * @throws ViewerGoneError when `signal` is aborted
   */
  async ask(request: OriginRequest, limit: number, signal: AbortSignal): Promise<http.IncomingMessage> {
    try {
      return await this.#send(request, limit, signal, this.#agent);
    } catch (error) {
      // The origin closed a kept-alive connection just as it was used again: says nothing about the origin.
      if (!(error instanceof StaleConnectionError)) throw error;
      return await this.#send(request, limit, signal, false);
    }
  }

  /**
   * As `ask`, on a connection of its own.
   * @throws OriginFailure
   * @throws ViewerGoneError when `signal` is aborted
   */
  askAlone(request: OriginRequest, limit: number, signal: AbortSignal): Promise<http.IncomingMessage> {
    return this.#send(request, limit, signal, false);
  }

  #send(
    request: OriginRequest,
    limit: number,
    signal: AbortSignal,
    agent: http.Agent | false,
  ): Promise<http.IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = this.#http.request({
        agent,
        host: this.url.hostname.replace(/^\[|\]$/g, ''),
        port: this.url.port === '' ? undefined : Number(this.url.port),
        method: request.method,
        path: request.path,
        headers: request.headers,
      });
      const gone = (): void => {
        settle();
        outgoing.destroy();
        reject(new ViewerGoneError('The viewer went away'));
      };
      const patience = watchdog(limit, () => {
        settle();
        outgoing.destroy();
        reject(new OriginFailure('silent', `no headers within ${limit} ms`));
      });
      const settle = (): void => {
        patience.stop();
        signal.removeEventListener('abort', gone);
      };
      outgoing.on('response', (response) => {
        settle();
        // Whoever reads the body looks at `errored`; without a listener an early error would end the process.
        response.on('error', () => undefined);
        resolve(response);
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        settle();
        const stale = agent !== false && outgoing.reusedSocket && closedByOrigin.has(error.code ?? '');
        reject(stale ? new StaleConnectionError() : failureOf(error));
      });
      if (signal.aborted) gone();
      else signal.addEventListener('abort', gone, { once: true });
      outgoing.end();
    });
  }

  /** Drops the idle connections: after a failure none of them is to be trusted. */
  dropIdleConnections(): void {
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

class StaleConnectionError extends Error {}

const closedByOrigin = new Set(['ECONNRESET', 'EPIPE']);

function failureOf(error: NodeJS.ErrnoException): OriginFailure {
  const code = error.code ?? 'unknown';
  return code.startsWith('HPE_')
    ? new OriginFailure('malformed', `not an HTTP answer (${code})`)
    : new OriginFailure('unreachable', code);
}
