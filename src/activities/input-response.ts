import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { FinalError, RetriableError, StreamError } from '../streams/errors.ts';
import { messageOf } from '../message-of.ts';
import { checkInputUrl, publicLookup } from './input-address.ts';

const redirects: readonly (number | undefined)[] = [301, 302, 303, 307, 308];
const mostRedirects = 5;
/** Milliseconds, all redirects together. */
export const headersWithin = 30_000;

export interface OpenOptions {
  readonly allowPrivate: boolean;
  /** The first byte wanted. */
  readonly from: number;
  /** Ends the request, and the reading of its answer. */
  readonly signal?: AbortSignal;
  /** Milliseconds until an answer's headers are there, all redirects together; 30 s when absent. */
  readonly headersWithin?: number;
}

/** Asks for one URL, without following where it leads. */
export type Ask = (url: URL, options: OpenOptions) => Promise<IncomingMessage>;

/** A URL that is being read. */
export interface OpenedUrl {
  readonly body: IncomingMessage;
  /** The byte that the body begins with: 0 where the server does not do ranges. */
  readonly from: number;
  /** Of the whole file; undefined when the server does not say. */
  readonly size: number | undefined;
  /** Tells one version of the file from another; undefined when the server gives none. */
  readonly validator: string | undefined;
  readonly contentType: string | undefined;
}

/**
 * Asks for a URL's content and follows redirects, each checked as the first URL was.
 * @throws FinalError when it may not be fetched, or answers with no file
 * @throws RetriableError when it cannot be reached for now
 */
export async function openInputUrl(
  url: URL,
  options: OpenOptions,
  ask: Ask = askOverNetwork,
): Promise<OpenedUrl> {
  const late = new AbortController();
  const limit = options.headersWithin ?? headersWithin;
  const timer = setTimeout(() => {
    const message = `${shown(url)} did not answer within ${limit / 1000} seconds.`;
    late.abort(new RetriableError('input-url-unreachable', message));
  }, limit);
  const signals = [late.signal, ...(options.signal === undefined ? [] : [options.signal])];
  try {
    return await follow(url, { ...options, signal: AbortSignal.any(signals) }, ask);
  } finally {
    // Headers that are there in time leave the body all the time it needs.
    clearTimeout(timer);
  }
}

async function follow(url: URL, options: OpenOptions, ask: Ask): Promise<OpenedUrl> {
  let current = url;
  for (let count = 0; count <= mostRedirects; count += 1) {
    checkInputUrl(current, options.allowPrivate);
    const response = await ask(current, options);
    if (response.statusCode === 416 && options.from > 0) {
      // Nothing is left behind that byte, or it is another file by now.
      response.destroy();
      return follow(url, { ...options, from: 0 }, ask);
    }
    const { location } = response.headers;
    if (!redirects.includes(response.statusCode) || location === undefined) {
      return opened(current, response, options.from);
    }
    response.destroy();
    if (!URL.canParse(location, current.href)) {
      throw new FinalError('input-url-failed', `${shown(current)} redirects to something that is no URL.`);
    }
    current = new URL(location, current);
  }
  throw new FinalError('input-url-refused', `${shown(url)} redirects more than ${mostRedirects} times.`);
}

/** A URL without its query, which may be a signature. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** Connects to nothing but an address that was checked. */
export async function askOverNetwork(
  url: URL,
  { allowPrivate, from, signal }: OpenOptions,
): Promise<IncomingMessage> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise<IncomingMessage>((answer, fail) => {
    const sent = request(url, {
      agent: false,
      headers: {
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': 'failover-streaming',
        ...(from === 0 ? {} : { range: `bytes=${from}-` }),
      },
      ...(signal === undefined ? {} : { signal }),
      ...(allowPrivate ? {} : { lookup: publicLookup() }),
    });
    sent.on('response', answer);
    sent.on('error', (error) => fail(unreachable(url, signal?.aborted === true ? signal.reason : error)));
    sent.end();
  });
}

/** What a broken connection means. Where it went is told in the error's cause, for the log. */
export function unreachable(url: URL, error: unknown): StreamError {
  if (error instanceof StreamError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const tellsAddress = error instanceof Error && ('address' in error || error.message === '');
  const why = tellsAddress && code !== '' ? code : messageOf(error);
  const message = `${shown(url)} cannot be read: ${why}`;
  // An unknown name, or a certificate that does not hold, stays so.
  if (code === 'ENOTFOUND' || code.includes('CERT') || code.startsWith('ERR_TLS')) {
    return new FinalError('input-url-failed', message, { cause: error });
  }
  return new RetriableError('input-url-unreachable', message, { cause: error });
}

function opened(url: URL, response: IncomingMessage, asked: number): OpenedUrl {
  const { statusCode = 0, headers } = response;
  const fail = (error: StreamError): StreamError => {
    response.destroy();
    return error;
  };
  if (statusCode >= 500 || statusCode === 408 || statusCode === 429) {
    throw fail(new RetriableError('input-url-unreachable', `${shown(url)} answered ${statusCode}.`));
  }
  if (statusCode !== 200 && statusCode !== 206) {
    throw fail(new FinalError('input-url-failed', `${shown(url)} answered ${statusCode}.`));
  }
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw fail(new FinalError('input-url-failed', `${shown(url)} answers in the encoding ${encoding}.`));
  }
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers['content-range'] ?? '') ?? [];
  const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  if (statusCode === 206 && Number(start) !== asked) {
    throw fail(new FinalError('input-url-failed', `${shown(url)} answered another range than asked for.`));
  }
  const etag = headers.etag?.startsWith('W/') === true ? undefined : headers.etag;
  return {
    body: response,
    from: statusCode === 206 ? asked : 0,
    size: statusCode === 206 ? Number(total) : length,
    validator: etag ?? headers['last-modified'],
    contentType: headers['content-type'],
  };
}
