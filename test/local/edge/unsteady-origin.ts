import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What an origin does with its next requests. */
export type Behaviour =
  | { readonly kind: 'well' }
  /** Takes the request and never answers. */
  | { readonly kind: 'silent' }
  /** So many bytes of the body, then nothing more, or a reset. */
  | { readonly kind: 'stall' | 'cut'; readonly after: number }
  | { readonly kind: 'status'; readonly status: number }
  /** Pieces of the body, this many milliseconds apart. */
  | { readonly kind: 'slow'; readonly pieces: number; readonly every: number }
  /** Closes kept-alive connections as soon as they are used again. */
  | { readonly kind: 'closes-kept-connections' }
  | { readonly kind: 'not-http' }
  /** Ignores Range, as an origin may (RFC 9110 14.2); sends so many bytes, or all. */
  | { readonly kind: 'no-ranges'; readonly after?: number };

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  /** The request's connection ended before the whole answer was sent. */
  aborted: boolean;
}

/** Any bytes that are the same everywhere: a key stream made from the path. */
function contentOf(path: string, length: number): Buffer {
  const key = createHash('md5').update(path).digest();
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** A real HTTP server with the bytes of every stream, that can be told to fail in every way a data center does. */
export class UnsteadyOrigin {
  behaviour: Behaviour = { kind: 'well' };
  /** Chooses the behaviour anew for each request. */
  choose: (() => Behaviour) | undefined;
  /** Status of /health/content; undefined: never answers. */
  health: number | undefined = 200;
  /** Added to every ETag and to the content: an origin with other bytes. */
  edition = '';
  bodyLength = 300_000;
  /** Without it bodies are sent in chunks of unknown number. */
  tellsLength = true;
  /** Paths it does not have. */
  readonly missing = new Set<string>();
  readonly seen: Seen[] = [];
  probes = 0;
  /** Connections that were opened, probes' included. */
  connections = 0;
  port = 0;
  readonly #server = createServer((request, response) => this.#answer(request, response));

  constructor() {
    this.#server.on('connection', () => (this.connections += 1));
  }

  async start(): Promise<this> {
    this.#server.keepAliveTimeout = 60_000;
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.port}`);
  }

  /** As a killed process: every connection is reset and new ones are refused; `start` brings it back. */
  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  content(path: string): Buffer {
    return contentOf(path + this.edition, this.bodyLength);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '/';
    if (path.startsWith('/health/content')) {
      this.probes += 1;
      if (this.health !== undefined) response.writeHead(this.health).end();
      return;
    }
    const seen: Seen = { method: request.method ?? '', path, headers: request.headers, aborted: false };
    this.seen.push(seen);
    response.on('close', () => (seen.aborted = !response.writableFinished));
    const behaviour = this.choose?.() ?? this.behaviour;
    if (behaviour.kind === 'silent') return;
    if (behaviour.kind === 'status') {
      response.writeHead(behaviour.status, { 'Content-Type': 'text/plain' }).end('trouble');
      return;
    }
    if (behaviour.kind === 'not-http') {
      request.socket.end('SSH-2.0-OpenSSH_9.2\r\n');
      return;
    }
    if (behaviour.kind === 'closes-kept-connections' && requestsOn.has(request.socket)) {
      request.socket.destroy();
      return;
    }
    requestsOn.add(request.socket);
    if (this.missing.has(path)) {
      response.writeHead(404, { 'Content-Type': 'text/plain', 'X-Origin-Says': 'missing' }).end('not here');
      return;
    }
    void this.#sendContent(path, request, response, behaviour);
  }

  async #sendContent(
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    behaviour: Behaviour,
  ): Promise<void> {
    const content = this.content(path);
    const etag = `"${createHash('md5').update(content).digest('hex')}"`;
    const headers = {
      ETag: etag,
      'Content-Type': 'video/mp4',
      'Cache-Control': 'public, max-age=31536000, immutable',
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Expose-Headers': 'ETag',
    };
    const condition = request.headers['if-match'];
    if (condition !== undefined && condition !== etag) {
      response.writeHead(412, headers).end();
      return;
    }
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, headers).end();
      return;
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const asked = range !== null && behaviour.kind !== 'no-ranges';
    const first = asked ? Number(range[1]) : 0;
    const last = asked && range[2] !== '' ? Number(range[2]) : content.length - 1;
    const body = content.subarray(first, last + 1);
    const ofRange = asked ? { 'Content-Range': `bytes ${first}-${last}/${content.length}` } : {};
    const length = this.tellsLength ? { 'Content-Length': body.length } : {};
    response.writeHead(asked ? 206 : 200, { ...headers, ...ofRange, ...length });
    if (request.method === 'HEAD') {
      response.end();
    } else if (behaviour.kind === 'slow') {
      const size = Math.ceil(body.length / behaviour.pieces);
      for (let at = 0; at < body.length && !response.destroyed; at += size) {
        response.write(body.subarray(at, at + size));
        await new Promise((resolve) => setTimeout(resolve, behaviour.every));
      }
      response.end();
    } else if ('after' in behaviour) {
      response.flushHeaders();
      response.write(body.subarray(0, behaviour.after), () => {
        if (behaviour.kind === 'cut') request.socket.resetAndDestroy();
      });
    } else {
      response.end(body);
    }
  }
}

const requestsOn = new WeakSet<object>();
