import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { ApiError, badRequest } from './api-error.ts';
import type { JsonForm } from './json-forms.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'MERGE' | 'DELETE';

/** A part of an OData path: `Assets('…')` or `Files`. */
export interface Segment {
  readonly name: string;
  readonly key: string | undefined;
}

export interface ApiRequest {
  readonly method: Method;
  readonly segments: readonly Segment[];
  readonly parameters: URLSearchParams;
  readonly form: JsonForm;
  /** The path below the API's base with its query, as it was asked for: next links begin with it. */
  readonly relative: string;
  body(): Promise<Readonly<Record<string, unknown>>>;
}

/** Bytes: presets are the largest thing that is ever sent. */
const bodyLimit = 1 << 20;

const methods: Readonly<Record<string, Method>> = {
  GET: 'GET',
  HEAD: 'GET',
  POST: 'POST',
  PUT: 'PUT',
  MERGE: 'MERGE',
  PATCH: 'MERGE',
  DELETE: 'DELETE',
};

/**
 * The path of a request as clients mean it: percent-encoded whole or in part, with doubled slashes.
 * @throws ApiError 400
 */
export function decodedPath(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath).replaceAll(/\/{2,}/g, '/');
  } catch {
    throw badRequest('The path is not percent-encoded UTF-8.');
  }
}

/** @throws ApiError for a request that no handler could answer */
export function readApiRequest(request: IncomingMessage, path: string, query: string): ApiRequest {
  const method = methodOf(request);
  return {
    method,
    segments: segmentsOf(path),
    parameters: new URLSearchParams(query),
    form: formOf(request),
    relative: path.replace(/^\//, ''),
    body: () => readBody(request),
  };
}

/** `X-HTTP-Method` tunnels a verb through POST (OData 3, Method Tunneling). */
function methodOf(request: IncomingMessage): Method {
  const tunneled = request.headers['x-http-method'] ?? request.headers['x-http-method-override'];
  const name = request.method === 'POST' && typeof tunneled === 'string' ? tunneled : (request.method ?? '');
  const method = methods[name.toUpperCase()];
  if (method === undefined) throw new ApiError(405, `The method ${name.slice(0, 20)} is not known.`);
  return method;
}

const segmentForm = /^([A-Za-z$]\w*)(?:\((?:'((?:[^']|'')*)')?\))?$/;

/** Splits at slashes outside of quotes. */
function segmentsOf(path: string): Segment[] {
  const parts = path.match(/(?:[^/']|'[^']*')+/g) ?? [];
  return parts.map((part) => {
    const match = segmentForm.exec(part);
    if (match?.[1] === undefined) throw new ApiError(404, `Resource not found for the segment '${part}'.`);
    return { name: match[1], key: match[2]?.replaceAll("''", "'") };
  });
}

/**
 * The form to answer in. JSON before OData 3 is verbose, so a client that takes nothing newer gets that.
 * @throws ApiError 406 for what only other formats would satisfy
 */
export function formOf(request: IncomingMessage): JsonForm {
  const accept = (request.headers.accept ?? '').toLowerCase();
  if (accept.includes('odata=verbose')) return 'verbose';
  const json = accept === '' || /application\/json|\*\/\*|application\/\*/.test(accept);
  if (!json) throw new ApiError(406, 'Only application/json is answered here.');
  const newest = Number.parseFloat(header(request, 'maxdataserviceversion') ?? '3.0');
  return newest < 3 ? 'verbose' : 'light';
}

/** The versions of the v2 API (reference: x-ms-version). */
const serviceVersion = /^2\.(\d{1,2})$/;
const newestServiceVersion = 19;
const dataServiceVersion = /^([123])\.0(;.*)?$/;

/** @throws ApiError 400 */
export function checkVersions(request: IncomingMessage): void {
  const version = header(request, 'x-ms-version');
  const minor = serviceVersion.exec(version ?? '')?.[1];
  if (minor === undefined || Number(minor) > newestServiceVersion) {
    throw badRequest(
      version === undefined
        ? 'The header x-ms-version is missing.'
        : `The header x-ms-version must be 2.0 to 2.${newestServiceVersion}.`,
    );
  }
  for (const name of ['dataserviceversion', 'maxdataserviceversion']) {
    const value = header(request, name);
    if (value !== undefined && !dataServiceVersion.test(value)) {
      throw badRequest(`The header ${name} must be 1.0, 2.0 or 3.0.`);
    }
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** The headers that tell which request an answer belongs to. */
export function identifyingHeaders(request: IncomingMessage): Record<string, string> {
  const id = randomUUID();
  const clientId = header(request, 'x-ms-client-request-id');
  const echo = clientId !== undefined && /^[\x20-\x7e]{1,256}$/.test(clientId);
  return {
    'request-id': id,
    'x-ms-request-id': id,
    ...(echo && { 'x-ms-client-request-id': clientId }),
  };
}

/** @throws ApiError 400 (not JSON, not an object), 413 (too large), 415 (another format) */
async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const contentType = header(request, 'content-type')?.toLowerCase() ?? 'application/json';
  if (!contentType.startsWith('application/json')) {
    throw new ApiError(415, 'Only application/json is read here.');
  }
  const text = await readText(request, bodyLimit);
  const body = parse(text);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('The body must be a JSON object.');
  }
  return body as Readonly<Record<string, unknown>>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badRequest('The body is not JSON.');
  }
}

/** Reads a body of at most `limit` bytes as UTF-8. @throws ApiError 413 */
export async function readText(request: IncomingMessage, limit: number): Promise<string> {
  const tooLarge = new ApiError(413, `The body has more than ${limit} bytes.`, { Connection: 'close' });
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/^\uFEFF/, '');
}
