import { randomUUID } from 'node:crypto';
import type { QueueClient } from '@azure/storage-queue';
import {
  guidOf,
  JobState,
  type Asset,
  type AssetId,
  type Job,
  type JobId,
  type Task,
  type TaskId,
} from '../model.ts';
import { nonexistentAsset, type Assets } from './assets.ts';
import { calling, invalid, notFound } from './errors.ts';
import { timeOf, timeOrderedGuid } from './guids.ts';
import { valuePartition, type Index } from './index-rows.ts';
import {
  assetIds,
  ended,
  hasEnded,
  jobOf,
  jobRowKey,
  statePartition,
  taskOf,
  withEvent,
  type JobPartitions,
  type JobProperties,
  type JobRecord,
  type TaskProperties,
} from './job-rows.ts';
import { knownProcessor } from './media-processors.ts';
import { scanRows, type Scan } from './scan.ts';
import { startingWith, type Stored, type Table } from './table.ts';
import { readTaskBody, type TaskBody } from './task-body.ts';

export interface NewTask {
  readonly name?: string | null;
  readonly configuration: string;
  readonly mediaProcessorId: string;
  readonly taskBody: string;
  readonly options?: number;
  readonly priority?: number;
}

export interface NewJob {
  readonly name: string;
  readonly priority?: number;
  readonly inputs: readonly AssetId[];
  readonly tasks: readonly NewTask[];
}

/** Finds a task's job by the task's guid alone. */
interface TaskIndexProperties {
  readonly JobGuid: string;
}

/** A string property of a row holds 32K characters (Table service limit). */
const textLimit = 32_000;
const taskLimit = 50;

export class Jobs {
  readonly #partitions: JobPartitions;
  readonly #index: Index;
  readonly #indexTable: Table;
  readonly #assets: Assets;
  readonly #queue: QueueClient;

  constructor(
    partitions: JobPartitions,
    index: Index,
    indexTable: Table,
    assets: Assets,
    queue: QueueClient,
  ) {
    this.#partitions = partitions;
    this.#index = index;
    this.#indexTable = indexTable;
    this.#assets = assets;
    this.#queue = queue;
  }

  /**
   * Creates a job with its tasks and output assets, and puts it into the queue.
   * @throws StoreRefusal for a missing input asset, an unknown processor, a body that cannot be read
   */
  async create(newJob: NewJob): Promise<Job> {
    const bodies = checkTasks(newJob);
    for (const id of newJob.inputs) {
      if ((await this.#assets.get(id)) === undefined) throw notFound(`Assets('${id}')`);
    }
    const outputs = await this.#createOutputs(newJob, bodies);
    const guid = timeOrderedGuid();
    const now = new Date(timeOf(guid));
    const job: JobProperties = {
      Name: newJob.name,
      Priority: newJob.priority ?? 0,
      State: JobState.Queued,
      Created: now,
      LastModified: now,
      Inputs: JSON.stringify(newJob.inputs),
      Outputs: JSON.stringify(outputs),
      FailedAttempts: 0,
      Takes: 0,
    };
    const tasks = newJob.tasks.map((task, position): TaskProperties => {
      const body = bodies[position];
      if (body === undefined) throw new Error('Every task has a body.');
      return withEvent(newTaskRow(task, newJob.inputs, outputs, body), 'WaitingForFreeResources');
    });
    await this.#index.write(partitionsOf(job), guid);
    for (const { Guid } of tasks) {
      const key = { partitionKey: `task:${Guid}`, rowKey: 'task' };
      await this.#indexTable.upsert<TaskIndexProperties>({ ...key, JobGuid: guid });
    }
    await this.#partitions.insert(guid, { job, tasks });
    await this.#enqueue(guid);
    return jobOf(guid, job);
  }

  async get(id: JobId): Promise<Job | undefined> {
    const record = await this.#partitions.read(guidOf(id));
    return record === undefined ? undefined : jobOf(guidOf(id), record.job);
  }

  /** Jobs in the order of their creation: all, or those with a name or in a state. */
  scan(by: { readonly name?: string; readonly state?: number }): Scan<Job> {
    const { name, state } = by;
    if (name === undefined && state === undefined) {
      return scanRows(this.#partitions.table, startingWith(jobRowKey), (row: Stored<JobProperties>) =>
        jobOf(row.partitionKey, row),
      );
    }
    const partition =
      name !== undefined ? valuePartition('job', 'Name', name) : valuePartition('job', 'State', state ?? 0);
    return this.#index.scan(partition, async (guid) => {
      const record = await this.#partitions.read(guid);
      const fits =
        record !== undefined &&
        (name === undefined || record.job.Name === name) &&
        (name !== undefined || state === undefined || record.job.State === state);
      return fits ? jobOf(guid, record.job) : undefined;
    });
  }

  async tasks(id: JobId): Promise<readonly Task[]> {
    return (await this.#record(id)).tasks.map(taskOf);
  }

  async task(id: TaskId): Promise<Task | undefined> {
    return (await this.#taskRow(id)).map(taskOf)[0];
  }

  async taskAssets(id: TaskId, which: 'Input' | 'Output'): Promise<readonly Asset[]> {
    const [row] = await this.#taskRow(id);
    if (row === undefined) throw notFound(`Tasks('${id}')`);
    return this.#assetsOf([row[which] as AssetId]);
  }

  async inputAssets(id: JobId): Promise<readonly Asset[]> {
    return this.#assetsOf(assetIds((await this.#record(id)).job.Inputs));
  }

  async outputAssets(id: JobId): Promise<readonly Asset[]> {
    return this.#assetsOf(assetIds((await this.#record(id)).job.Outputs));
  }

  /** A queued job is canceled at once, a running one is asked to stop. @throws StoreRefusal when it has ended */
  async cancel(id: JobId): Promise<void> {
    const found = await this.#partitions.change(guidOf(id), (record) => {
      const { State: state } = record.job;
      if (hasEnded(state)) throw invalid(`Job ${id} has ended and cannot be canceled.`);
      if (state === JobState.Queued) return { record: ended(record, JobState.Canceled), result: true };
      if (state === JobState.Canceling) return { result: true };
      const canceling = { ...record, job: { ...record.job, State: JobState.Canceling } };
      return { record: canceling, result: true };
    });
    if (found === undefined) throw notFound(`Jobs('${id}')`);
  }

  /** Deletes a job that has ended; its assets stay. */
  async delete(id: JobId): Promise<void> {
    const { job, tasks } = await this.#record(id);
    if (!hasEnded(job.State)) throw invalid(`Job ${id} has not ended: cancel it first.`);
    await this.#partitions.remove(guidOf(id));
    await this.#index.drop(partitionsOf(job), guidOf(id));
    for (const { Guid } of tasks) {
      const row = await this.#indexTable.get(`task:${Guid}`, 'task');
      if (row !== undefined) await this.#indexTable.delete(row);
    }
  }

  async #createOutputs(newJob: NewJob, bodies: readonly TaskBody[]): Promise<AssetId[]> {
    const outputs: AssetId[] = [];
    for (const { output } of [...bodies].sort((a, b) => a.output.position - b.output.position)) {
      const { name, options } = output;
      const made = { parents: newJob.inputs, options, ...(name !== undefined && { name }) };
      outputs.push((await this.#assets.create(made)).Id);
    }
    return outputs;
  }

  /** A job whose message is lost here is found and queued again by the encoders (`EncodingJobs`). */
  async #enqueue(guid: string): Promise<void> {
    const { messageId } = await calling(() => this.#queue.sendMessage(guid, { messageTimeToLive: -1 }));
    await this.#partitions.change(guid, (record) => ({
      ...(record.job.Message === undefined && {
        record: { ...record, job: { ...record.job, Message: messageId } },
      }),
      result: undefined,
    }));
  }

  async #record(id: JobId): Promise<JobRecord> {
    const record = await this.#partitions.read(guidOf(id));
    if (record === undefined) throw notFound(`Jobs('${id}')`);
    return record;
  }

  async #taskRow(id: TaskId): Promise<readonly TaskProperties[]> {
    const index = await this.#indexTable.get<TaskIndexProperties>(`task:${guidOf(id)}`, 'task');
    const record = index === undefined ? undefined : await this.#partitions.read(index.JobGuid);
    return (record?.tasks ?? []).filter(({ Guid }) => Guid === guidOf(id));
  }

  async #assetsOf(ids: readonly AssetId[]): Promise<readonly Asset[]> {
    return Promise.all(ids.map(async (id) => (await this.#assets.get(id)) ?? nonexistentAsset(id)));
  }
}

const partitionsOf = (job: JobProperties): string[] => [
  statePartition(job.State),
  valuePartition('job', 'Name', job.Name),
];

/** Everything that can be refused is refused here, before anything is made. */
function checkTasks({ tasks, inputs }: NewJob): TaskBody[] {
  if (tasks.length === 0) throw invalid('A job must have a task.');
  if (tasks.length > taskLimit) throw invalid(`A job has ${taskLimit} tasks at most.`);
  if (inputs.length === 0) throw invalid('A job must have an input asset (InputMediaAssets).');
  if (inputs.length > taskLimit) throw invalid(`A job has ${taskLimit} input assets at most.`);
  const bodies = tasks.map((task) => {
    if (task.configuration === '') throw invalid('A task must have a Configuration.');
    if (task.configuration.length > textLimit) {
      throw invalid(`Configuration has more than ${textLimit} characters.`);
    }
    if (task.taskBody.length > textLimit) throw invalid(`TaskBody has more than ${textLimit} characters.`);
    if (!knownProcessor(task.mediaProcessorId)) {
      throw notFound(`MediaProcessors('${task.mediaProcessorId}')`);
    }
    return readTaskBody(task.taskBody);
  });
  bodies.forEach(({ input, output }, position) => {
    const earlier = bodies.slice(0, position);
    if (input.kind === 'input' && input.position >= inputs.length) {
      throw invalid(`TaskBody names JobInputAsset(${input.position}), which the job does not have.`);
    }
    if (input.kind === 'output' && !earlier.some((body) => body.output.position === input.position)) {
      throw invalid(`TaskBody reads JobOutputAsset(${input.position}), which no earlier task makes.`);
    }
    if (
      output.position >= bodies.length ||
      earlier.some((body) => body.output.position === output.position)
    ) {
      throw invalid('The tasks must make JobOutputAsset(0), JobOutputAsset(1) and so on, each once.');
    }
  });
  return bodies;
}

function newTaskRow(
  task: NewTask,
  inputs: readonly AssetId[],
  outputs: readonly AssetId[],
  { input, output }: TaskBody,
): TaskProperties {
  return {
    Guid: randomUUID(),
    ...(typeof task.name === 'string' && { Name: task.name }),
    Configuration: task.configuration,
    MediaProcessorId: task.mediaProcessorId,
    TaskBody: task.taskBody,
    Options: task.options ?? 0,
    Priority: task.priority ?? 0,
    Progress: 0,
    State: JobState.Queued,
    Input: (input.kind === 'input' ? inputs : outputs)[input.position] ?? '',
    Output: outputs[output.position] ?? '',
    ErrorDetails: '[]',
    HistoricalEvents: '[]',
  };
}
