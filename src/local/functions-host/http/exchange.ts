import type { IncomingMessage, ServerResponse } from 'node:http';
import { finished } from 'node:stream';

/** How long a client may go on to send a body that nobody reads any more. Milliseconds; Kestrel's limit. */
const lingering = 5000;

/** One HTTP request and its answer, with the request's URL taken apart. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The path's segments, still percent-encoded. */
  readonly path: readonly string[];
}

/** A request's body is larger than allowed. */
export class BodyTooLargeError extends Error {
  override readonly name = 'BodyTooLargeError';
  readonly code = 'body-too-large';

  constructor(limit: number) {
    super(`The body is larger than ${limit} bytes.`);
  }
}

/** Takes a request apart, or gives undefined when its target is no path. */
export function exchangeOf(request: IncomingMessage, response: ServerResponse): Exchange | undefined {
  const target = request.url ?? '/';
  const host = request.headers.host ?? '127.0.0.1';
  const base = `http://${host}`;
  if (!target.startsWith('/') || !URL.canParse(target.replace(/^\/+/, '/'), base)) return undefined;
  const url = new URL(target.replace(/^\/+/, '/'), base);
  const path = url.pathname.split('/').slice(1);
  while (path.at(-1) === '') path.pop();
  return { request, response, url, path };
}

/** A request's headers, repeated ones joined. */
export function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}

/**
 * Reads a request's body.
 * @throws BodyTooLargeError before more than the limit is held
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) throw new BodyTooLargeError(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  // A request that is not read to its end stays open, so that it can be answered.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new BodyTooLargeError(limit);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

export function answer(
  response: ServerResponse,
  status: number,
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    ...(body === undefined ? {} : { 'content-type': 'text/plain; charset=utf-8' }),
    ...headers,
    'content-length': Buffer.byteLength(body ?? ''),
  });
  response.end(body);
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  answer(response, status, JSON.stringify(body), { ...headers, 'content-type': 'application/json' });
}

/** Ends the connection of a request that has been answered, when its body goes on for long. */
export function limitLingering(request: IncomingMessage, response: ServerResponse): void {
  response.on('finish', () => {
    if (request.complete) return;
    const enough = setTimeout(() => request.socket.destroy(), lingering);
    finished(request, () => clearTimeout(enough));
  });
}

/** Whatever a failed exchange can still be told. */
export function answerFailure({ request, response }: Exchange, error: unknown): void {
  if (!(error instanceof BodyTooLargeError) || response.headersSent) {
    answer(response, 500);
    return;
  }
  response.writeHead(413, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(error.message),
    connection: 'close',
  });
  response.write(error.message);
  // Closed while the client still sends, the connection is reset and the answer lost (RFC 9112, section 9.6).
  const enough = setTimeout(() => response.end(), lingering);
  finished(request, () => {
    clearTimeout(enough);
    response.end();
  });
  request.resume();
}
