import { RestError } from '@azure/storage-blob';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { finalError, retriableError, type EncodeError } from './encode-error.ts';
import type { InputFile } from './input-choice.ts';

/** The input file, readable by ffmpeg at a loopback address. */
export interface InputRelay {
  readonly url: string;
  /** Aborts, with an {@link EncodeError}, when storage cannot give the input any more. */
  readonly failed: AbortSignal;
  close(): Promise<void>;
}

/** What is asked of storage at a time: little at first, as ffmpeg jumps about while it looks for the index. */
const firstRead = 256 * 2 ** 10;
const largestRead = 8 * 2 ** 20;
const attempts = 6;

/**
 * Serves one blob to ffmpeg on 127.0.0.1, under a path nobody can guess. So ffmpeg needs no SAS, which would stand in
 * the process list and end while a long film is encoded; needs no TLS of its own; cannot be sent elsewhere by a
 * redirect; and trouble of storage is told from a broken file: reads are resumed, of the same version of the blob.
 *
 * The path stands among ffmpeg's arguments, so every user of this very machine can find it there and read the input
 * while it is encoded; nobody elsewhere can. Let only users whom the videos are meant for onto an encoder's machine.
 * (ffmpeg speaks no HTTP over a Unix socket, and cannot jump about in a pipe.)
 */
export async function startInputRelay(input: InputFile, signal: AbortSignal): Promise<InputRelay> {
  const failure = new AbortController();
  const path = `/${randomUUID()}`;
  const stop = AbortSignal.any([signal, failure.signal]);
  const server = createServer((request, response) => {
    if (request.url !== path) {
      response.writeHead(404).end();
      return;
    }
    serve(input, request, response, stop).catch((error: unknown) => {
      response.destroy();
      if (!stop.aborted) failure.abort(storageFailure(input, error));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    failed: failure.signal,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function serve(
  input: InputFile,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const end = Math.min(
    range?.[2] !== undefined && range[2] !== '' ? Number(range[2]) + 1 : input.size,
    input.size,
  );
  if (start >= end) {
    response.writeHead(416, { 'Content-Range': `bytes */${input.size}` }).end();
    return;
  }
  response.writeHead(range === null ? 200 : 206, {
    'Accept-Ranges': 'bytes',
    'Content-Length': end - start,
    ...(range === null ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${input.size}` }),
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  const until = AbortSignal.any([signal, gone.signal]);
  try {
    for (let offset = start, size = firstRead; offset < end; size = Math.min(size * 2, largestRead)) {
      const count = Math.min(size, end - offset);
      await copyRange(input, offset, count, response, until);
      offset += count;
    }
    response.end();
  } catch (error) {
    // ffmpeg closes the connection when it has read what it wanted.
    if (!gone.signal.aborted) throw error;
  }
}

/** Copies a range, going on where a connection was cut. */
async function copyRange(
  input: InputFile,
  offset: number,
  count: number,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const blob = input.container.getBlobClient(input.name);
  let done = 0;
  for (let attempt = 1; done < count; attempt++) {
    try {
      const { readableStreamBody: body } = await blob.download(offset + done, count - done, {
        conditions: { ifMatch: input.etag },
        abortSignal: signal,
      });
      for await (const chunk of body ?? []) {
        const bytes = chunk as Buffer;
        done += bytes.length;
        attempt = 1;
        if (!response.write(bytes)) await once(response, 'drain', { signal });
      }
      if (done < count) throw new Error('The connection ended early.');
    } catch (error) {
      signal.throwIfAborted();
      const status = error instanceof RestError ? (error.statusCode ?? 0) : 0;
      if (attempt >= attempts || [403, 404, 412].includes(status)) throw error;
      await delay(100 * 2 ** attempt, undefined, { signal });
    }
  }
}

/** What reading the input failed with, in the words of its owner. */
export function storageFailure(input: InputFile, error: unknown): EncodeError {
  const status = error instanceof RestError ? error.statusCode : undefined;
  if (status === 404) {
    return finalError(
      'ErrorDownloadingInputAssetMalformedContent',
      `The input file '${input.name}' was deleted while it was encoded. Upload it again and submit a new job.`,
      error,
    );
  }
  return retriableError(
    'ErrorDownloadingInputAssetServiceFailure',
    status === 412
      ? `The input file '${input.name}' was changed while it was encoded.`
      : `The input file '${input.name}' could not be read from storage${status === undefined ? '' : ` (status ${status})`}.`,
    error,
  );
}
