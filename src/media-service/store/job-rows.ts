import type { TransactionAction } from '@azure/data-tables';
import {
  idOf,
  JobState,
  type AssetId,
  type Job,
  type Task,
  type TaskErrorDetail,
  type TaskHistoricalEvent,
} from '../model.ts';
import { KeyedLock, untilWritten } from './concurrency.ts';
import { valuePartition, type Index } from './index-rows.ts';
import {
  orNull,
  ownProperties,
  RowConflictError,
  startingWith,
  without,
  withoutNulls,
  type Stored,
  type Table,
} from './table.ts';

/** The row `job` of a job's partition; its ETag decides every change of the job and its tasks. */
export interface JobProperties {
  readonly Name: string;
  readonly Priority: number;
  readonly State: JobState;
  readonly Created: Date;
  readonly LastModified: Date;
  readonly StartTime?: Date;
  readonly EndTime?: Date;
  /** Asset ids, as JSON arrays. */
  readonly Inputs: string;
  readonly Outputs: string;
  /** The queue message that stands for this job; another one is a duplicate. */
  readonly Message?: string;
  /** Held by the encoder that works on the job: who does not know it writes nothing. */
  readonly Lease?: string;
  /** When the encoder that holds the lease was last heard of. */
  readonly Heartbeat?: Date;
  /** Attempts that ended in a failure of ffmpeg. */
  readonly FailedAttempts: number;
  /** How often an encoder took the job up. */
  readonly Takes: number;
}

/** A row `task:{position}` of a job's partition. */
export interface TaskProperties {
  readonly Guid: string;
  readonly Name?: string;
  readonly Configuration: string;
  readonly MediaProcessorId: string;
  readonly TaskBody: string;
  readonly Options: number;
  readonly Priority: number;
  readonly Progress: number;
  readonly State: JobState;
  readonly StartTime?: Date;
  readonly EndTime?: Date;
  readonly Input: string;
  readonly Output: string;
  /** JSON arrays. */
  readonly ErrorDetails: string;
  readonly HistoricalEvents: string;
}

export interface JobRecord {
  readonly job: JobProperties;
  readonly tasks: readonly TaskProperties[];
}

export const jobRowKey = 'job';
const taskRows = startingWith('task:');
const attempts = 12;

/** The final states: nothing changes a job that is in one. */
export function hasEnded(state: JobState): boolean {
  return state === JobState.Finished || state === JobState.Error || state === JobState.Canceled;
}

/** The partition of a job: the job and its tasks, changed together or not at all. */
export class JobPartitions {
  readonly table: Table;
  readonly #index: Index;
  readonly #writers = new KeyedLock();

  constructor(table: Table, index: Index) {
    this.table = table;
    this.#index = index;
  }

  async read(
    guid: string,
  ): Promise<(JobRecord & { readonly etag: string; readonly written: Date }) | undefined> {
    const rows = await this.table.all<JobProperties | TaskProperties>(guid);
    const job = rows.find((row): row is Stored<JobProperties> => row.rowKey === jobRowKey);
    if (job === undefined) return undefined;
    const tasks = rows.filter((row): row is Stored<TaskProperties> => row.rowKey.startsWith(taskRows.from));
    return {
      job: ownProperties(job),
      tasks: tasks.map(ownProperties),
      etag: job.etag,
      written: new Date(job.timestamp),
    };
  }

  async insert(guid: string, record: JobRecord): Promise<void> {
    try {
      await this.table.transact([
        ['create', { partitionKey: guid, rowKey: jobRowKey, ...record.job }],
        ...record.tasks.map((task, position) => taskAction(guid, task, position)),
      ]);
    } catch (error) {
      // The guid is ours alone: this is the same insert, whose answer was lost and which was sent again.
      if (!(error instanceof RowConflictError)) throw error;
    }
  }

  /**
   * Reads a job, lets `decide` say what it becomes, and writes that only if the job is still as it was read; else again
   * from the start. Answers undefined when there is no such job.
   */
  async change<Result>(
    guid: string,
    decide: (record: JobRecord) => { readonly record?: JobRecord; readonly result: Result },
  ): Promise<Result | undefined> {
    return this.#writers.hold(guid, () =>
      untilWritten(attempts, `job ${guid}`, async () => {
        const before = await this.read(guid);
        if (before === undefined) return undefined;
        const { record, result } = decide(before);
        if (record === undefined) return result;
        if (record.job.State !== before.job.State) {
          await this.#index.write([statePartition(record.job.State)], guid);
        }
        await this.#write(guid, before, record);
        return result;
      }),
    );
  }

  async remove(guid: string): Promise<void> {
    const rows = await this.table.all(guid);
    await this.table.transact(rows.map(({ partitionKey, rowKey }) => ['delete', { partitionKey, rowKey }]));
  }

  async #write(guid: string, before: JobRecord & { readonly etag: string }, after: JobRecord): Promise<void> {
    const job = { ...after.job, partitionKey: guid, rowKey: jobRowKey, LastModified: new Date() };
    await this.table.transact([
      ['update', withoutNulls(job), 'Replace', { etag: before.etag }],
      ...after.tasks.flatMap((task, position) =>
        task === before.tasks[position] ? [] : [taskAction(guid, task, position)],
      ),
    ]);
  }
}

export const statePartition = (state: JobState): string => valuePartition('job', 'State', state);

function taskAction(guid: string, task: TaskProperties, position: number): TransactionAction {
  const rowKey = `${taskRows.from}${String(position).padStart(3, '0')}`;
  return ['upsert', withoutNulls({ partitionKey: guid, rowKey, ...task }), 'Replace'];
}

export function assetIds(json: string): AssetId[] {
  return JSON.parse(json) as AssetId[];
}

export function jobOf(guid: string, job: JobProperties): Job {
  return {
    Id: idOf('Job', guid),
    Name: job.Name,
    Created: job.Created,
    LastModified: job.LastModified,
    StartTime: orNull(job.StartTime),
    EndTime: orNull(job.EndTime),
    Priority: job.Priority,
    RunningDuration: runningDuration(job),
    State: job.State,
    TemplateId: null,
  };
}

export function taskOf(task: TaskProperties): Task {
  const events = JSON.parse(task.HistoricalEvents) as (Omit<TaskHistoricalEvent, 'TimeStamp'> & {
    TimeStamp: string;
  })[];
  return {
    Id: idOf('Task', task.Guid),
    Name: orNull(task.Name),
    Configuration: task.Configuration,
    MediaProcessorId: task.MediaProcessorId as Task['MediaProcessorId'],
    TaskBody: task.TaskBody,
    Options: task.Options as Task['Options'],
    Priority: task.Priority,
    Progress: task.Progress,
    State: task.State,
    StartTime: orNull(task.StartTime),
    EndTime: orNull(task.EndTime),
    RunningDuration: runningDuration(task),
    ErrorDetails: JSON.parse(task.ErrorDetails) as TaskErrorDetail[],
    HistoricalEvents: events.map((event) => ({ ...event, TimeStamp: new Date(event.TimeStamp) })),
  };
}

/** Milliseconds from the start until the end, or until now. */
function runningDuration({ StartTime, EndTime }: { StartTime?: Date; EndTime?: Date }): number {
  return StartTime === undefined ? 0 : (EndTime ?? new Date()).getTime() - StartTime.getTime();
}

const eventLimit = 60;
const messageLimit = 2000;

/** A task's history grows by one event; the oldest go when it would not fit its row. */
export function withEvent(task: TaskProperties, code: string, message: string | null = null): TaskProperties {
  const events = JSON.parse(task.HistoricalEvents) as unknown[];
  const Message = message === null ? null : message.slice(0, 200);
  events.push({ Code: code, Message, TimeStamp: new Date() });
  return { ...task, HistoricalEvents: JSON.stringify(events.slice(-eventLimit)) };
}

export function withError(task: TaskProperties, detail: TaskErrorDetail): TaskProperties {
  const details = [{ Code: detail.Code, Message: detail.Message.slice(0, messageLimit) }];
  return { ...task, ErrorDetails: JSON.stringify(details) };
}

/** The job ends in this state; its unfinished tasks end with it. */
export function ended(
  { job, tasks }: JobRecord,
  state: JobState,
  endTask: (task: TaskProperties) => TaskProperties = (task) => task,
): JobRecord {
  const EndTime = new Date();
  const current = tasks.findIndex((task) => !hasEnded(task.State));
  return {
    job: { ...without(job, 'Lease', 'Heartbeat'), State: state, EndTime },
    tasks: tasks.map((task, position) => {
      if (hasEnded(task.State)) return task;
      // What comes after a task that failed is never begun.
      const own = position === current ? state : JobState.Canceled;
      const closed = { ...(position === current ? endTask(task) : task), State: own, EndTime };
      return withEvent(closed, eventCodes[own] ?? 'Unknown');
    }),
  };
}

/** The codes of HistoricalEvents, by the state they tell of. */
const eventCodes: Readonly<Partial<Record<JobState, string>>> = {
  [JobState.Scheduled]: 'Scheduled',
  [JobState.Processing]: 'Processing',
  [JobState.Finished]: 'Finished',
  [JobState.Error]: 'Error',
  [JobState.Canceled]: 'Canceled',
};
