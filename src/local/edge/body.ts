import type { IncomingMessage, ServerResponse } from 'node:http';
import { DifferentContentError, OriginFailure, ViewerGoneError } from './origin-failure.ts';
import { watchdog } from './watchdog.ts';

/** The bytes an answer promised, so that another data center can be asked for the rest of them. */
export interface PromisedBytes {
  /** Offset of the answer's first byte in the whole representation. */
  readonly first: number;
  /** Offset of its last byte; undefined when the answer did not tell its length. */
  readonly last: number | undefined;
  /** Length of the whole representation, when told. */
  readonly total: number | undefined;
  /** A strong validator: only with one can two bodies be known to be the same (RFC 9110 8.8.1). */
  readonly etag: string;
}

/** What the answer to a GET promises; undefined when no other answer could go on from it. */
export function promisedBytes(response: IncomingMessage): PromisedBytes | undefined {
  const { etag } = response.headers;
  if (!etag?.startsWith('"')) return undefined;
  if (response.statusCode === 200) {
    const text = response.headers['content-length'];
    const length = text === undefined ? undefined : Number(text);
    if (length === 0) return undefined;
    return { first: 0, last: length === undefined ? undefined : length - 1, total: length, etag };
  }
  const range = response.statusCode === 206 ? contentRange(response) : undefined;
  return range && { ...range, etag };
}

function contentRange(
  response: IncomingMessage,
): { readonly first: number; readonly last: number; readonly total: number | undefined } | undefined {
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers['content-range'] ?? '');
  if (match === null) return undefined;
  return {
    first: Number(match[1]),
    last: Number(match[2]),
    total: match[3] === '*' ? undefined : Number(match[3]),
  };
}

/**
 * How many bytes of another data center's answer to skip so that the next one is at offset `next`.
 * @throws OriginFailure for a 5xx answer
 * @throws DifferentContentError when it is not the rest of the same representation
 */
export function bytesToSkip(response: IncomingMessage, promised: PromisedBytes, next: number): number {
  const status = response.statusCode ?? 0;
  if (status >= 500) throw new OriginFailure('server-error', `answered ${status}`);
  const { etag } = response.headers;
  if (status === 412 || ((status === 200 || status === 206) && etag !== promised.etag)) {
    throw new DifferentContentError(`has other content: ${etag ?? 'no ETag'} instead of ${promised.etag}`);
  }
  if (status === 200) return next;
  const range = contentRange(response);
  if (status !== 206 || range === undefined) {
    throw new DifferentContentError(`answered ${status} to the request for the rest`);
  }
  const sameTotal =
    range.total === undefined || promised.total === undefined || range.total === promised.total;
  if (range.first !== next || !sameTotal) {
    throw new DifferentContentError(`answered with other bytes than the rest`);
  }
  return 0;
}

export interface PassOnOptions {
  /** Bytes at the start that the viewer has already. */
  readonly skip: number;
  /** Bytes the viewer still expects; undefined: as many as come. */
  readonly take: number | undefined;
  /** Milliseconds without a byte while the viewer is ready for more. */
  readonly stallLimit: number;
  readonly onBytes: (count: number) => void;
}

/**
 * Passes a body on as fast as the viewer takes it, up to its end; does not end the viewer's answer.
 * @throws OriginFailure `stalled` or `cut`; what was passed on until then was told to `onBytes`
 * @throws ViewerGoneError
 */
export function passOn(body: IncomingMessage, viewer: ServerResponse, options: PassOnOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let { skip, take } = options;
    const patience = watchdog(options.stallLimit, () =>
      settle(new OriginFailure('stalled', `no byte within ${options.stallLimit} ms`)),
    );
    const onData = (chunk: Buffer): void => {
      patience.feed();
      let bytes = chunk.subarray(skip);
      skip -= chunk.length - bytes.length;
      if (take !== undefined) {
        bytes = bytes.subarray(0, take);
        take -= bytes.length;
      }
      if (bytes.length === 0) return;
      options.onBytes(bytes.length);
      const roomLeft = viewer.write(bytes);
      if (take === 0) {
        settle(undefined);
        letEnd(body);
      } else if (!roomLeft) {
        body.pause();
        patience.pause();
      }
    };
    const onDrain = (): void => {
      patience.feed();
      body.resume();
    };
    const onEnd = (): void => {
      const short = !body.complete || (take !== undefined && take > 0);
      settle(short ? new OriginFailure('cut', 'the body ended early') : undefined);
    };
    const onError = (error: NodeJS.ErrnoException): void =>
      settle(new OriginFailure('cut', `the body broke off (${error.code ?? error.message})`));
    const onClose = (): void => settle(new OriginFailure('cut', 'the connection was closed'));
    const onGone = (): void => settle(new ViewerGoneError('The viewer went away'));
    const settle = (error: Error | undefined): void => {
      patience.stop();
      body.off('data', onData).off('end', onEnd).off('error', onError).off('close', onClose);
      viewer.off('drain', onDrain).off('close', onGone);
      if (error === undefined) {
        resolve();
      } else {
        body.destroy();
        reject(error);
      }
    };
    if (viewer.destroyed) {
      onGone();
      return;
    }
    if (body.errored) {
      onError(body.errored);
      return;
    }
    viewer.on('drain', onDrain).on('close', onGone);
    body.on('end', onEnd).on('error', onError).on('close', onClose).on('data', onData);
  });
}

/** The viewer has everything: the end is read along, which frees the connection; what is more than that is not. */
function letEnd(body: IncomingMessage): void {
  body.resume();
  setImmediate(() => {
    if (!body.complete) body.destroy();
  });
}
