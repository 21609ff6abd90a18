import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { ContainerClient, RestError, type BlockBlobClient } from '@azure/storage-blob';
import { FinalError, RetriableError } from '../streams/errors.ts';
import { assetFileName } from '../streams/asset-file-name.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';
import { openInputUrl, shown, unreachable, type OpenedUrl } from './input-response.ts';
import type { Place } from './plan-batches.ts';

export interface TakeInInput {
  readonly run: RunReference;
  readonly target: Place;
  readonly requestHash: string;
  /** Seconds after which it stops where the server can go on from there. */
  readonly budget: number;
}

export interface TakenIn {
  readonly finished: boolean;
  /** Bytes that are safe in the asset's container. */
  readonly done: number;
  /** Bytes; 0 when the server does not say. */
  readonly total: number;
}

const blockSize = 8 * 2 ** 20;
/** Blocks on their way at a time. */
const parallel = 4;
const requestMetadata = 'inputrequest';

/**
 * Step 1 for a URL: streams its content into the input asset, block by block. After a crash, or when its time is up,
 * it goes on behind the blocks that are there, if the file is still the same one.
 */
export function takeIn({ dataCenters, claims, settings, telemetry }: Dependencies) {
  return async ({ run, target, requestHash, budget }: TakeInInput): Promise<TakenIn> => {
    if (await claims.cancelRequested(run)) throw new FinalError('canceled', 'The operation was canceled.');
    const { containers } = dataCenters[target.side];
    const container = new ContainerClient(await containers.url(target.sasLocatorId));
    const text = await claims.inputUrl(run);
    if (text === undefined) return alreadyThere(container, requestHash);
    const url = new URL(text);
    const blob = container.getBlockBlobClient(fileNameOf(url));
    const intake = new Intake(blob, { requestHash, limit: settings.inputMaxBytes });
    const options = { allowPrivate: settings.allowPrivateInputUrls, until: Date.now() + budget * 1000 };
    const taken = await take(intake, url, options).catch((error: unknown) => {
      if (!(error instanceof RestError) || error.statusCode !== 403) throw error;
      // The signature has run out: the next execution reads a new one, and goes on behind what is there.
      containers.forget(target.sasLocatorId);
      throw new RetriableError('storage-unreachable', 'The input container refuses its SAS.', {
        cause: error,
      });
    });
    if (taken.finished) {
      await claims.forgetInputUrl(run);
      telemetry.event('InputTakenIn', { ...run, side: target.side, url: shown(url), bytes: taken.done });
    }
    return taken;
  };
}

async function take(
  intake: Intake,
  url: URL,
  options: { readonly allowPrivate: boolean; readonly until: number },
): Promise<TakenIn> {
  return (await intake.committed()) ?? (await intake.run(url, options));
}

function fileNameOf(url: URL): string {
  const last = url.pathname.slice(url.pathname.lastIndexOf('/') + 1);
  try {
    return assetFileName(decodeURIComponent(last));
  } catch {
    return assetFileName(last);
  }
}

/** The URL is forgotten once its content is taken in: an execution that was cut off then finds the blob. */
async function alreadyThere(container: ContainerClient, requestHash: string): Promise<TakenIn> {
  for await (const { metadata, properties } of container.listBlobsFlat({ includeMetadata: true })) {
    const bytes = properties.contentLength ?? 0;
    if (metadata?.[requestMetadata] === requestHash) return { finished: true, done: bytes, total: bytes };
  }
  throw new FinalError(
    'input-missing',
    'The URL of the input is not known any more: submit the stream again.',
  );
}

class Intake {
  readonly #blob: BlockBlobClient;
  readonly #requestHash: string;
  /** Bytes. */
  readonly #limit: number;

  constructor(blob: BlockBlobClient, options: { readonly requestHash: string; readonly limit: number }) {
    this.#blob = blob;
    this.#requestHash = options.requestHash;
    this.#limit = options.limit;
  }

  /** What an earlier execution has brought to its end. */
  async committed(): Promise<TakenIn | undefined> {
    if (!(await this.#blob.exists())) return undefined;
    const { contentLength = 0, metadata } = await this.#blob.getProperties();
    if (metadata?.[requestMetadata] !== this.#requestHash) return undefined;
    return { finished: true, done: contentLength, total: contentLength };
  }

  async run(
    url: URL,
    { allowPrivate, until }: { readonly allowPrivate: boolean; readonly until: number },
  ): Promise<TakenIn> {
    const staged = await this.#staged();
    let opened = await openInputUrl(url, { allowPrivate, from: staged.blocks * blockSize });
    let version = versionOf(opened);
    if (opened.from > 0 && version !== staged.version) {
      // Another file by now: its beginning is needed, too.
      opened.body.destroy();
      opened = await openInputUrl(url, { allowPrivate, from: 0 });
      version = versionOf(opened);
    }
    this.#refuseAbove(opened.size ?? 0, url);
    // Stopping early pays only where the next execution can go on.
    const resumable = opened.validator !== undefined && opened.body.headers['accept-ranges'] === 'bytes';
    try {
      return await this.#store(url, opened, version, resumable || opened.from > 0 ? until : Infinity);
    } finally {
      opened.body.destroy();
    }
  }

  async #store(url: URL, opened: OpenedUrl, version: string, until: number): Promise<TakenIn> {
    const first = opened.from / blockSize;
    let index = first;
    let done = opened.from;
    let stopped = false;
    const inFlight = new Set<Promise<unknown>>();
    try {
      for await (const block of blocksOf(opened.body, (error) => unreachable(url, error))) {
        this.#refuseAbove(done + block.length, url);
        const upload = this.#stage(version, index, block);
        inFlight.add(upload);
        void upload.then(
          () => inFlight.delete(upload),
          () => undefined,
        );
        if (inFlight.size >= parallel) await Promise.race(inFlight);
        index += 1;
        done += block.length;
        stopped = Date.now() > until && block.length === blockSize && done !== opened.size;
        if (stopped) break;
      }
      await Promise.all(inFlight);
    } finally {
      // What has come this far is kept for the next execution, and nothing goes on behind its back.
      await Promise.allSettled(inFlight);
    }
    if (stopped) return { finished: false, done, total: opened.size ?? 0 };
    if (opened.size !== undefined && done !== opened.size) {
      throw new RetriableError(
        'input-url-unreachable',
        `${shown(url)} ended after ${done} of ${opened.size} bytes.`,
      );
    }
    if (done === 0) throw new FinalError('input-empty', `${shown(url)} is empty.`);
    await this.#blob.commitBlockList(
      Array.from({ length: index }, (_, number) => blockId(version, number)),
      {
        metadata: { [requestMetadata]: this.#requestHash },
        blobHTTPHeaders: { blobContentType: opened.contentType ?? 'application/octet-stream' },
      },
    );
    return { finished: true, done, total: done };
  }

  async #stage(version: string, index: number, block: Buffer): Promise<void> {
    const transactionalContentMD5 = createHash('md5').update(block).digest();
    await this.#blob.stageBlock(blockId(version, index), block, block.length, { transactionalContentMD5 });
  }

  /** The blocks that wait, as far as they are whole and without a gap, and the version of the file they are of. */
  async #staged(): Promise<{ readonly version: string; readonly blocks: number }> {
    const list = await this.#blob.getBlockList('uncommitted').catch(() => undefined);
    const sizes = new Map(
      list?.uncommittedBlocks?.map(({ name, size }) => [Buffer.from(name, 'base64').toString(), size]),
    );
    const version = [...sizes.keys()][0]?.slice(0, versionLength) ?? '';
    let blocks = 0;
    while (sizes.get(blockName(version, blocks)) === blockSize) blocks += 1;
    return { version, blocks };
  }

  #refuseAbove(bytes: number, url: URL): void {
    if (bytes <= this.#limit) return;
    const gibibytes = this.#limit / 2 ** 30;
    throw new FinalError('input-too-large', `${shown(url)} is larger than ${gibibytes} GiB (INPUT_MAX_GIB).`);
  }
}

const versionLength = 16;

/** Stands in the blocks' ids, so that blocks of different versions of a file are never mixed. */
function versionOf({ validator, size }: OpenedUrl): string {
  const text = `${validator ?? `unknown ${Date.now()}`} ${size ?? ''}`;
  return createHash('sha256').update(text).digest('hex').slice(0, versionLength);
}

function blockName(version: string, index: number): string {
  return `${version}-${String(index).padStart(6, '0')}`;
}

function blockId(version: string, index: number): string {
  return Buffer.from(blockName(version, index)).toString('base64');
}

/** A stream in blocks of one size; the last one may be shorter. */
async function* blocksOf(stream: Readable, told: (error: unknown) => Error): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      let rest = chunk;
      while (length + rest.length >= blockSize) {
        const part = rest.subarray(0, blockSize - length);
        yield Buffer.concat([...parts, part]);
        rest = rest.subarray(part.length);
        parts = [];
        length = 0;
      }
      parts.push(rest);
      length += rest.length;
    }
  } catch (error) {
    throw told(error);
  }
  if (length > 0) yield Buffer.concat(parts);
}
