import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAzurite } from '../../../src/local/azurite.ts';
import {
  LeaseLostError,
  type EncodedFile,
  type EncodingQueue,
  type LeasedJob,
} from '../../../src/media-service/encoder/encoding-queue.ts';
import { parseId, type TaskErrorDetail } from '../../../src/media-service/model.ts';

/** How a job of the queue stands. */
export type Outcome =
  | { readonly state: 'finished'; readonly files: readonly EncodedFile[] }
  | { readonly state: 'failed' | 'released'; readonly detail: TaskErrorDetail }
  | { readonly state: 'canceled' };

export interface TestJob {
  readonly input: ContainerClient;
  readonly output: ContainerClient;
  /** Every way this job was ended so far; a released one is waiting again. */
  readonly outcomes: readonly Outcome[];
  readonly progress: readonly number[];
  readonly failedAttempts: number;
  /** Ends with `finished`, `failed` or `canceled`. */
  readonly done: Promise<Outcome>;
  /** Resolves when the job was taken for the nth time. */
  taken(times: number): Promise<void>;
  reached(percent: number): Promise<void>;
  cancel(): void;
  /** Another encoder may take it; the one that has it is told. */
  loseLease(): void;
}

export interface TestStorage {
  readonly service: BlobServiceClient;
  readonly connectionString: string;
  close(): Promise<void>;
}

export async function startTestStorage(): Promise<TestStorage> {
  const location = await mkdtemp(join(tmpdir(), 'encoder-test-'));
  const azurite = await startAzurite({ location, accounts: { mediaa: undefined } });
  const { connectionString } = azurite.account('mediaa');
  return {
    connectionString,
    service: BlobServiceClient.fromConnectionString(connectionString, { retryOptions: { maxTries: 2 } }),
    async close() {
      await azurite.close();
      await rm(location, { recursive: true, force: true });
    },
  };
}

/** The seam's queue in memory, over real containers. */
export class MemoryQueue implements EncodingQueue {
  readonly #service: BlobServiceClient;
  readonly #waiting: Job[] = [];

  constructor(service: BlobServiceClient) {
    this.#service = service;
  }

  async add(options: {
    readonly files: Readonly<Record<string, string | Uint8Array>>;
    readonly configuration?: string;
    readonly primary?: string;
    readonly attempts?: number;
  }): Promise<TestJob> {
    const input = this.#service.getContainerClient(`asset-${randomUUID()}`);
    const output = this.#service.getContainerClient(`asset-${randomUUID()}`);
    await Promise.all([input.create(), output.create()]);
    for (const [name, content] of Object.entries(options.files)) {
      const blob = input.getBlockBlobClient(name);
      if (typeof content === 'string') await blob.uploadFile(content);
      else await blob.uploadData(content);
    }
    return this.addExisting({ input, output, ...options });
  }

  addExisting(options: {
    readonly input: ContainerClient;
    readonly output: ContainerClient;
    readonly configuration?: string;
    readonly primary?: string;
    /** The failed attempts that end the job. */
    readonly attempts?: number;
  }): TestJob {
    const { input, output, configuration = 'Adaptive Streaming', primary, attempts = 3 } = options;
    const job = new Job(input, output, configuration, primary, attempts, () => this.#waiting.push(job));
    this.#waiting.push(job);
    return job;
  }

  take(): Promise<LeasedJob | undefined> {
    return Promise.resolve(this.#waiting.shift()?.lease());
  }
}

class Job implements TestJob {
  readonly input: ContainerClient;
  readonly output: ContainerClient;
  readonly outcomes: Outcome[] = [];
  readonly progress: number[] = [];
  readonly done: Promise<Outcome>;
  readonly #id = parseId('Job', randomUUID())!;
  readonly #task = parseId('Task', randomUUID())!;
  readonly #configuration: string;
  readonly #primary: string | undefined;
  readonly #attempts: number;
  readonly #putBack: () => void;
  readonly #watchers: (() => void)[] = [];
  #end: (outcome: Outcome) => void = () => undefined;
  #lost = new AbortController();
  #cancel = new AbortController();
  failedAttempts = 0;
  #taken = 0;

  constructor(
    input: ContainerClient,
    output: ContainerClient,
    configuration: string,
    primary: string | undefined,
    attempts: number,
    putBack: () => void,
  ) {
    this.input = input;
    this.output = output;
    this.#configuration = configuration;
    this.#primary = primary;
    this.#attempts = attempts;
    this.#putBack = putBack;
    this.done = new Promise((resolve) => (this.#end = resolve));
  }

  lease(): LeasedJob {
    const lost = new AbortController();
    this.#lost = lost;
    this.#taken++;
    this.#changed();
    const settle = (outcome: Outcome): Promise<void> => {
      if (lost.signal.aborted) return Promise.reject(new LeaseLostError(this.#id));
      this.outcomes.push(outcome);
      if (outcome.state === 'released') this.#putBack();
      else this.#end(outcome);
      return Promise.resolve();
    };
    return {
      jobId: this.#id,
      taskId: this.#task,
      configuration: this.#configuration,
      input: this.input,
      inputPrimaryFile: this.#primary,
      output: this.output,
      lost: lost.signal,
      cancelRequested: this.#cancel.signal,
      start: () => Promise.resolve(),
      progress: (percent) => {
        this.progress.push(percent);
        this.#changed();
      },
      finish: (files) => settle({ state: 'finished', files }),
      fail: (detail) => settle({ state: 'failed', detail }),
      canceled: () => settle({ state: 'canceled' }),
      release: ({ countAttempt, detail }) => {
        if (countAttempt) this.failedAttempts++;
        const givenUp = countAttempt && this.failedAttempts >= this.#attempts;
        return settle({ state: givenUp ? 'failed' : 'released', detail });
      },
    };
  }

  taken(times: number): Promise<void> {
    return this.#until(() => this.#taken >= times);
  }

  reached(percent: number): Promise<void> {
    return this.#until(() => (this.progress.at(-1) ?? 0) >= percent);
  }

  cancel(): void {
    this.#cancel.abort();
  }

  loseLease(): void {
    this.#lost.abort();
    this.#putBack();
  }

  #changed(): void {
    for (const watcher of this.#watchers.splice(0)) watcher();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#watchers.push(resolve));
  }
}
