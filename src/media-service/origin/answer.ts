import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { BlobVersion } from './blob-reading.ts';
import type { Client } from './bounded-cache.ts';
import { readRange, type ByteRange } from './byte-range.ts';
import { evaluateConditions, rangeApplies } from './conditions.ts';
import { OriginProblem } from './problem.ts';
import type { Representation } from './representations.ts';

/** On every answer, so that players on any page may read it (Fetch standard, CORS; Resource Timing). */
const openHeaders = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'Accept-Ranges, Content-Length, Content-Range, Date, ETag, Retry-After',
  'Timing-Allow-Origin': '*',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'X-Content-Type-Options': 'nosniff',
} as const;
export const allowedMethods = 'GET, HEAD, OPTIONS';

/** What is sent after the head. */
export type AnswerBody =
  | { readonly kind: 'none' }
  | { readonly kind: 'pieces'; readonly pieces: readonly Buffer[] }
  | { readonly kind: 'file'; readonly version: BlobVersion; readonly range: ByteRange };

export interface Answer {
  readonly status: 200 | 204 | 206 | 304;
  readonly headers: OutgoingHttpHeaders;
  readonly body: AnswerBody;
}

/**
 * The answer to a GET or HEAD of a representation: its conditions first, then its range (RFC 9110, 13.2.2). What is
 * sent from memory has been read when this resolves, so no trouble of the storage can break the answer.
 * @throws OriginProblem 412, 416
 */
export async function answerWith(
  representation: Representation,
  request: IncomingMessage,
  client: Client,
): Promise<Answer> {
  const { etag, cacheControl } = representation;
  const condition = evaluateConditions(request.headers, etag);
  if (condition === 'failed') {
    throw new OriginProblem(412, 'precondition-failed', 'The content has another ETag.');
  }
  if (condition === 'not-modified') {
    const headers = { ...openHeaders, 'Cache-Control': cacheControl, ETag: etag };
    return { status: 304, headers, body: { kind: 'none' } };
  }

  const body = await representation.body(client);
  const { length } = body;
  const ranged = request.method === 'GET' && rangeApplies(request.headers, etag);
  const range = ranged ? readRange(request.headers.range, length) : 'whole';
  if (range === 'unsatisfiable') {
    throw new OriginProblem(416, 'range-not-satisfiable', `The content has ${length} bytes.`, {
      'Content-Range': `bytes */${length}`,
    });
  }
  const part = range === 'whole' ? { first: 0, last: length - 1 } : range;
  const headers = contentHeaders(representation, part.last - part.first + 1);
  if (range !== 'whole') headers['Content-Range'] = `bytes ${part.first}-${part.last}/${length}`;
  const status = range === 'whole' ? 200 : 206;
  if (request.method === 'HEAD') return { status, headers, body: { kind: 'none' } };
  if (body.kind === 'file') {
    return { status, headers, body: { kind: 'file', version: body.version, range: part } };
  }
  const pieces = await body.pieces(client);
  return {
    status,
    headers,
    body: { kind: 'pieces', pieces: range === 'whole' ? pieces : cut(pieces, range) },
  };
}

/** Whether a request is a GET without conditions and ranges: its answer is the whole representation. */
export function isPlainGet({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' &&
    headers.range === undefined &&
    headers['if-match'] === undefined &&
    headers['if-none-match'] === undefined
  );
}

/** The head of an answer with `length` bytes of a representation. */
export function contentHeaders(
  { etag, cacheControl, contentType }: Representation,
  length: number,
): OutgoingHttpHeaders {
  return {
    ...openHeaders,
    'Cache-Control': cacheControl,
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Content-Type': contentType,
    'Content-Length': length,
  };
}

/** The part of a body in pieces; views, not copies. */
function cut(pieces: readonly Buffer[], { first, last }: ByteRange): readonly Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (const piece of pieces) {
    const from = Math.max(first - start, 0);
    const to = Math.min(last + 1 - start, piece.length);
    if (from < to) parts.push(piece.subarray(from, to));
    start += piece.length;
  }
  return parts;
}

/** The answer to OPTIONS, a CORS preflight among them: any page may ask, with any header a player sends. */
export const optionsAnswer: Answer = {
  status: 204,
  headers: {
    ...openHeaders,
    Allow: allowedMethods,
    'Access-Control-Allow-Methods': allowedMethods,
    'Access-Control-Allow-Headers': '*, Range, If-Match, If-None-Match, If-Range',
    'Access-Control-Max-Age': '86400',
  },
  body: { kind: 'none' },
};

/** Answers why not, in a few bytes that no cache keeps. */
export function sendProblem(response: ServerResponse, problem: OriginProblem, withBody: boolean): void {
  if (response.headersSent) {
    // Too late to say so: the client must see a broken body, not a short one that ends well.
    response.destroy();
    return;
  }
  const { status, code, message } = problem;
  const body = Buffer.from(JSON.stringify({ status, code, title: message }));
  response.writeHead(status, {
    ...openHeaders,
    ...problem.headers,
    'Cache-Control': 'no-store',
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
  });
  response.end(withBody ? body : undefined);
}
