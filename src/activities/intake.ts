import { createHash } from 'node:crypto';
import type { BlockBlobClient } from '@azure/storage-blob';
import { FinalError, RetriableError } from '../streams/errors.ts';
import { openInputUrl, shown, unreachable, type OpenedUrl } from './input-response.ts';
import { pacedChunks, type Pace } from './paced-reading.ts';
import { BlockCutter, blockId, stagedBlocks, versionOf, type StagedBlocks } from './staged-blocks.ts';

export interface TakenIn {
  readonly finished: boolean;
  /** Bytes that are safe in the asset's container. */
  readonly done: number;
  /** Bytes; 0 when the server does not say. */
  readonly total: number;
  /** Nothing was done: others take their inputs in now, ask again in a few seconds. */
  readonly waits?: true;
}

/** What keeps a slow server, or one that stands still, from holding up anything else. */
export interface TakeInLimits {
  /** Take-ins at a time in a process. */
  readonly atOnce: number;
  /** Milliseconds until a server's headers are there. */
  readonly headersWithin: number;
  readonly pace: Pace;
  /** Milliseconds that an execution may read from a server where the next one could not go on. */
  readonly longestWhole: number;
  /** Milliseconds between two looks whether the run is to be canceled. */
  readonly cancelLooks: number;
}

/** Blocks on their way at a time. */
const parallel = 4;
/** Says of a blob which request's input it is. */
export const requestMetadata = 'inputrequest';
/** Of a file whose server says that it can go on in the middle. */
const mostVersions = 3;
/** Milliseconds that the own storage may take longer than the reading. */
const storageTime = 60_000;

/** How an execution is ended from outside: by a cancel, or because it takes too long. */
export class End {
  readonly #controller = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  /** Ends everything, with the error as its reason. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Sets the time by which the execution is ended. */
  within(milliseconds: number, error: () => Error): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.now(error()), milliseconds);
  }

  now(error: Error): void {
    this.#controller.abort(error);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** The execution's time is up; the next one goes on. */
class TimeIsUp extends Error {}

export interface IntakeOptions {
  readonly requestHash: string;
  /** Bytes. */
  readonly limit: number;
  readonly limits: TakeInLimits;
  readonly end: End;
}

/** One execution's way of bringing a URL's content into a blob. */
export class Intake {
  readonly #blob: BlockBlobClient;
  readonly #options: IntakeOptions;
  readonly #abortSignal: AbortSignal;

  constructor(blob: BlockBlobClient, options: IntakeOptions) {
    this.#blob = blob;
    this.#options = options;
    this.#abortSignal = options.end.signal;
    options.end.within(2 * options.limits.headersWithin + storageTime, storageIsSlow);
  }

  /** What an earlier execution has brought to its end. */
  async committed(): Promise<TakenIn | undefined> {
    const abortSignal = this.#abortSignal;
    if (!(await this.#blob.exists({ abortSignal }))) return undefined;
    const { contentLength = 0, metadata } = await this.#blob.getProperties({ abortSignal });
    if (metadata?.[requestMetadata] !== this.#options.requestHash) return undefined;
    return { finished: true, done: contentLength, total: contentLength };
  }

  async run(
    url: URL,
    { allowPrivate, budget }: { readonly allowPrivate: boolean; readonly budget: number },
  ): Promise<TakenIn> {
    const { limits, end } = this.#options;
    const ask = { allowPrivate, signal: end.signal, headersWithin: limits.headersWithin };
    const waiting = await stagedBlocks(this.#blob, end.signal);
    // Most likely that is the file as it is now.
    let from = Math.max(0, ...[...waiting.values()].map(({ bytes }) => bytes));
    let opened = await openInputUrl(url, { ...ask, from });
    let version = versionOf(opened.validator, opened.size);
    const known = waiting.get(version)?.bytes ?? 0;
    if (known !== from) {
      // Another file by now, of which there is less, or nothing.
      opened.body.destroy();
      from = known;
      opened = await openInputUrl(url, { ...ask, from });
      version = versionOf(opened.validator, opened.size);
    }
    const staged = opened.from === 0 ? undefined : waiting.get(version);
    if (opened.from > 0 && staged?.bytes !== opened.from) {
      opened.body.destroy();
      throw new RetriableError('input-url-unreachable', `${shown(url)} changes while it is read.`);
    }
    try {
      this.#refuseAbove(opened.size ?? 0, url);
      const begun = staged ?? { version, ids: [], bytes: 0 };
      // Stopping early pays only where the next execution can go on: a server may say so and not do so (`from`), or
      // give another version every time.
      const says = opened.validator !== undefined && opened.body.headers['accept-ranges'] === 'bytes';
      const does = from === 0 && waiting.size < mostVersions;
      if (opened.from > 0 || (says && does)) {
        end.within(budget + storageTime, storageIsSlow);
        return await this.#store(url, opened, begun, budget);
      }
      end.within(limits.longestWhole, () => tooLong(url, limits));
      return await this.#store(url, opened, begun, undefined);
    } finally {
      opened.body.destroy();
    }
  }

  /** @param budget milliseconds of reading; undefined where the next execution could not go on */
  async #store(
    url: URL,
    opened: OpenedUrl,
    staged: StagedBlocks,
    budget: number | undefined,
  ): Promise<TakenIn> {
    const ids = [...staged.ids];
    let done = staged.bytes;
    const inFlight = new Set<Promise<unknown>>();
    const stage = async (block: Buffer): Promise<void> => {
      this.#refuseAbove(done + block.length, url);
      const id = blockId(staged.version, done, block.length);
      ids.push(id);
      done += block.length;
      const upload = this.#stage(id, block);
      inFlight.add(upload);
      void upload.then(
        () => inFlight.delete(upload),
        () => undefined,
      );
      if (inFlight.size >= parallel) await Promise.race(inFlight);
    };
    let stopped: boolean;
    try {
      const blocks = new BlockCutter();
      stopped = await this.#read(url, opened, budget, async (chunk) => {
        for (const block of blocks.push(chunk)) await stage(block);
      });
      const rest = blocks.rest();
      if (rest.length > 0) await stage(rest);
      await Promise.all(inFlight);
    } finally {
      // What has come this far is kept for the next execution, and nothing goes on behind its back.
      await Promise.allSettled(inFlight);
    }
    if (stopped && done !== opened.size) return { finished: false, done, total: opened.size ?? 0 };
    if (opened.size !== undefined && done !== opened.size) {
      throw new RetriableError(
        'input-url-unreachable',
        `${shown(url)} ended after ${done} of ${opened.size} bytes.`,
      );
    }
    if (done === 0) throw new FinalError('input-empty', `${shown(url)} is empty.`);
    await this.#blob.commitBlockList(ids, {
      metadata: { [requestMetadata]: this.#options.requestHash },
      blobHTTPHeaders: { blobContentType: opened.contentType ?? 'application/octet-stream' },
      abortSignal: this.#abortSignal,
    });
    return { finished: true, done, total: done };
  }

  /** Reads the answer; true when its time was up before its end. */
  async #read(
    url: URL,
    opened: OpenedUrl,
    budget: number | undefined,
    take: (chunk: Buffer) => Promise<void>,
  ): Promise<boolean> {
    const { pace } = this.#options.limits;
    const enough = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const signal = AbortSignal.any([this.#abortSignal, enough.signal]);
    const tooSlow = (): Error =>
      new RetriableError(
        'input-url-unreachable',
        `${shown(url)} gave less than ${pace.least / 2 ** 10} KiB a second for ${pace.window / 1000} seconds.`,
      );
    const chunks = pacedChunks(opened.body, { pace, signal, tooSlow });
    try {
      for (;;) {
        // Errors of the source are told apart from those of the own storage.
        const next = await chunks.next().catch((error: unknown) => {
          throw error instanceof TimeIsUp ? error : unreachable(url, error);
        });
        if (next.done === true) return false;
        // From the first byte on, so that every execution gets further; until then the pace is the limit.
        if (budget !== undefined) timer ??= setTimeout(() => enough.abort(new TimeIsUp()), budget);
        await take(next.value);
      }
    } catch (error) {
      if (error instanceof TimeIsUp) return true;
      throw error;
    } finally {
      clearTimeout(timer);
      await chunks.return(undefined);
    }
  }

  async #stage(id: string, block: Buffer): Promise<void> {
    const transactionalContentMD5 = createHash('md5').update(block).digest();
    await this.#blob.stageBlock(id, block, block.length, {
      transactionalContentMD5,
      abortSignal: this.#abortSignal,
    });
  }

  #refuseAbove(bytes: number, url: URL): void {
    const { limit } = this.#options;
    if (bytes <= limit) return;
    const gibibytes = limit / 2 ** 30;
    throw new FinalError('input-too-large', `${shown(url)} is larger than ${gibibytes} GiB (INPUT_MAX_GIB).`);
  }
}

function storageIsSlow(): Error {
  return new RetriableError('storage-unreachable', 'The input container does not answer in time.');
}

function tooLong(url: URL, { longestWhole }: TakeInLimits): Error {
  return new FinalError(
    'input-url-failed',
    `${shown(url)} was not read to its end within ${longestWhole / 60_000} minutes, and its server cannot go on in the middle (it wants Accept-Ranges, and an ETag or Last-Modified): upload the file instead.`,
  );
}
