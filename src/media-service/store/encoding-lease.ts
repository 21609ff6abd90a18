import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerClient } from '@azure/storage-blob';
import { LeaseLostError, type EncodedFile, type LeasedJob } from '../encoder/encoding-queue.ts';
import {
  containerOf,
  idOf,
  JobState,
  type AssetId,
  type JobId,
  type TaskErrorDetail,
  type TaskId,
} from '../model.ts';
import type { EncodingParts } from './encoding-parts.ts';
import { statusOf } from './errors.ts';
import { ended, hasEnded, withError, withEvent, type JobRecord, type TaskProperties } from './job-rows.ts';
import { LeasedMessage, type MessageFate, type ReceivedMessage } from './leased-message.ts';
import { without } from './table.ts';

interface Beginning {
  readonly guid: string;
  readonly lease: string;
  readonly message: ReceivedMessage;
  readonly record: JobRecord;
  /** The task to run, by its position. */
  readonly position: number;
}

/** One job under the lease of its queue message, renewed in the background until the job is ended or the lease lost. */
export class EncodingLease implements LeasedJob {
  readonly jobId: JobId;
  readonly taskId: TaskId;
  readonly configuration: string;
  readonly input: ContainerClient | undefined;
  readonly inputPrimaryFile: string | undefined;
  readonly output: ContainerClient;
  readonly #parts: EncodingParts;
  readonly #guid: string;
  readonly #lease: string;
  readonly #position: number;
  readonly #outputId: AssetId;
  readonly #message: LeasedMessage;
  readonly #lost = new AbortController();
  readonly #cancel = new AbortController();
  /** Ends the renewing. */
  readonly #over = new AbortController();
  readonly #renewing: Promise<void>;
  /** Set when the change that ends the lease is on its way. */
  #ending: MessageFate | undefined;
  #percent = 0;
  #writtenPercent = 0;

  /** Reads what the encoder needs of the input, and begins to renew the lease. */
  static async begin(parts: EncodingParts, beginning: Beginning): Promise<EncodingLease> {
    const task = taskAt(beginning.record, beginning.position);
    const inputId = task.Input as AssetId;
    const exists = (await parts.assets.get(inputId)) !== undefined;
    const primary = exists ? await parts.files.primaryOf(inputId) : undefined;
    return new EncodingLease(parts, beginning, task, exists, primary);
  }

  private constructor(
    parts: EncodingParts,
    beginning: Beginning,
    task: TaskProperties,
    inputExists: boolean,
    inputPrimaryFile: string | undefined,
  ) {
    this.#parts = parts;
    this.#guid = beginning.guid;
    this.#lease = beginning.lease;
    this.#position = beginning.position;
    this.#message = new LeasedMessage(parts, beginning.guid, beginning.message);
    this.#outputId = task.Output as AssetId;
    this.jobId = idOf('Job', beginning.guid);
    this.taskId = idOf('Task', task.Guid);
    this.configuration = task.Configuration;
    this.input = inputExists ? parts.blobs.getContainerClient(containerOf(task.Input as AssetId)) : undefined;
    this.inputPrimaryFile = inputPrimaryFile;
    this.output = parts.blobs.getContainerClient(containerOf(this.#outputId));
    this.#renewing = this.#keep();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  get cancelRequested(): AbortSignal {
    return this.#cancel.signal;
  }

  async start(): Promise<void> {
    const now = new Date();
    await this.#changeOwn((record) => ({
      record: {
        job: {
          ...record.job,
          State: record.job.State === JobState.Canceling ? JobState.Canceling : JobState.Processing,
          StartTime: record.job.StartTime ?? now,
        },
        tasks: this.#withTask(record, (task) => ({
          ...withEvent(task, 'Processing'),
          State: JobState.Processing,
          StartTime: task.StartTime ?? now,
          Progress: 0,
        })),
      },
      then: 'away',
    }));
  }

  progress(percent: number): void {
    this.#percent = Math.max(0, Math.min(100, percent));
  }

  async finish(files: readonly EncodedFile[]): Promise<void> {
    await this.#changeOwn((record) => ({ record, then: 'away' }));
    await this.#parts.files.record(this.#outputId, files, { renew: true });
    const then = await this.#changeOwn((record) => {
      if (record.job.State === JobState.Canceling) {
        return { record: ended(record, JobState.Canceled), then: 'away' };
      }
      const finished = (task: TaskProperties): TaskProperties => ({ ...task, Progress: 100 });
      if (this.#position === record.tasks.length - 1) {
        return { record: ended(record, JobState.Finished, finished), then: 'away' };
      }
      const tasks = this.#withTask(record, (task) => ({
        ...withEvent(finished(task), 'Finished'),
        State: JobState.Finished,
        EndTime: new Date(),
      }));
      return { record: { job: without(record.job, 'Lease', 'Heartbeat'), tasks }, then: 'again at once' };
    });
    await this.#end(then);
  }

  async fail(detail: TaskErrorDetail): Promise<void> {
    const then = await this.#changeOwn((record) => ({
      record:
        record.job.State === JobState.Canceling
          ? ended(record, JobState.Canceled)
          : ended(record, JobState.Error, (task) => withError(task, detail)),
      then: 'away',
    }));
    await this.#end(then);
  }

  async canceled(): Promise<void> {
    const then = await this.#changeOwn((record) => ({
      record: ended(record, JobState.Canceled),
      then: 'away',
    }));
    await this.#end(then);
  }

  async release(options: {
    readonly countAttempt: boolean;
    readonly detail: TaskErrorDetail;
  }): Promise<void> {
    const { countAttempt, detail } = options;
    const { limits, log } = this.#parts;
    let givenUpAfter: number | undefined;
    const then = await this.#changeOwn((record) => {
      givenUpAfter = undefined;
      if (record.job.State === JobState.Canceling) {
        return { record: ended(record, JobState.Canceled), then: 'away' };
      }
      const FailedAttempts = record.job.FailedAttempts + (countAttempt ? 1 : 0);
      if (countAttempt && FailedAttempts >= limits.failedAttempts) {
        givenUpAfter = FailedAttempts;
        const counted = { ...record, job: { ...record.job, FailedAttempts } };
        return {
          record: ended(counted, JobState.Error, (task) => withError(task, detail)),
          then: 'away',
        };
      }
      const job = {
        ...without(record.job, 'Lease', 'Heartbeat'),
        State: JobState.Queued,
        FailedAttempts,
        // An encoder that gives a job back in order was not taken down by it.
        Takes: record.job.Takes - 1,
      };
      const tasks = this.#withTask(record, (task) => ({
        ...withEvent(task, detail.Code, detail.Message),
        State: JobState.Queued,
        Progress: 0,
      }));
      return { record: { job, tasks }, then: countAttempt ? 'again later' : 'again at once' };
    });
    if (givenUpAfter !== undefined) {
      log.warn({ job: this.#guid, failedAttempts: givenUpAfter, code: detail.Code }, 'A job was given up');
    }
    await this.#end(then);
  }

  /** Changes the job if this lease still holds it. @throws LeaseLostError */
  async #changeOwn(
    change: (record: JobRecord) => { readonly record: JobRecord; readonly then: MessageFate },
  ): Promise<MessageFate> {
    if (this.#lost.signal.aborted) throw new LeaseLostError(this.jobId);
    const fate = await this.#parts.partitions.change<MessageFate | undefined>(this.#guid, (record) => {
      if (record.job.Lease !== this.#lease) {
        // This lease's own ending took, although its answer was lost or somebody else here looks meanwhile.
        return { result: record.job.Lease === undefined ? this.#ending : undefined };
      }
      const { record: after, then } = change(record);
      if (after === record) return { result: then };
      if (after.job.Lease === undefined) this.#ending = then;
      return { record: after, result: then };
    });
    if (fate !== undefined) return fate;
    this.#lose();
    throw new LeaseLostError(this.jobId);
  }

  #withTask(record: JobRecord, change: (task: TaskProperties) => TaskProperties): TaskProperties[] {
    return record.tasks.map((task, at) => (at === this.#position ? change(task) : task));
  }

  async #end(fate: MessageFate): Promise<void> {
    this.#over.abort();
    await this.#renewing;
    await this.#message.end(fate);
  }

  #lose(): void {
    this.#lost.abort();
    this.#over.abort();
  }

  /** Renews the lease, looks for a cancellation and writes the progress, until it is over. */
  async #keep(): Promise<void> {
    const { limits, log } = this.#parts;
    let renewAt = Date.now() + limits.renewalMilliseconds;
    for (;;) {
      await sleep(limits.pollMilliseconds, undefined, { signal: this.#over.signal }).catch(() => undefined);
      if (this.#over.signal.aborted) return;
      try {
        if (Date.now() >= renewAt) {
          if (!(await this.#message.renew())) {
            this.#lose();
            return;
          }
          renewAt = Date.now() + limits.renewalMilliseconds;
          await this.#look(true);
        } else {
          await this.#look(false);
        }
      } catch (error) {
        if (error instanceof LeaseLostError) return;
        log.warn({ job: this.#guid, status: statusOf(error) }, 'A lease could not be renewed yet');
      }
      if (this.#message.hasRunOut) this.#lose();
    }
  }

  async #look(heartbeat: boolean): Promise<void> {
    const percent = Math.floor(this.#percent);
    const changed = percent !== Math.floor(this.#writtenPercent);
    await this.#changeOwn((record) => {
      if (record.job.State === JobState.Canceling) this.#cancel.abort();
      if (!changed && !heartbeat) return { record, then: 'away' };
      const tasks = changed
        ? this.#withTask(record, (task) => (hasEnded(task.State) ? task : { ...task, Progress: percent }))
        : record.tasks;
      return { record: { job: { ...record.job, Heartbeat: new Date() }, tasks }, then: 'away' };
    });
    this.#writtenPercent = percent;
  }
}

function taskAt(record: JobRecord, position: number): TaskProperties {
  const task = record.tasks[position];
  if (task === undefined) throw new Error('A job that is taken up has an unfinished task.');
  return task;
}
