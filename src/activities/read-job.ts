import { JobState, type Job, type JobId, type Task } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';

export interface ReadJobInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly jobId: JobId;
}

export interface JobReading {
  readonly state: 'waiting' | 'processing' | 'canceling' | 'finished' | 'error' | 'canceled';
  /** 0 to 100. */
  readonly percent: number;
  /** Each failed task's codes and messages, when the job ended badly. */
  readonly reason: string;
}

const states = {
  [JobState.Queued]: 'waiting',
  [JobState.Scheduled]: 'waiting',
  [JobState.Processing]: 'processing',
  [JobState.Finished]: 'finished',
  [JobState.Error]: 'error',
  [JobState.Canceled]: 'canceled',
  [JobState.Canceling]: 'canceling',
} as const satisfies Record<JobState, JobReading['state']>;

/** Step 3 reads the job's state and progress; a job that ended badly leaves its stop report in the log. */
export function readJob({ dataCenters, telemetry }: Dependencies) {
  return async ({ run, side, jobId }: ReadJobInput): Promise<JobReading> => {
    const { media, name } = dataCenters[side];
    const job = await media.job(jobId);
    if (job === undefined) {
      throw new FinalError(
        'encoding-failed',
        `The job ${jobId} is gone from ${name}: submit the stream again.`,
      );
    }
    const tasks = await media.tasks(jobId);
    const state = states[job.State];
    const sum = tasks.reduce((total, task) => total + task.Progress, 0);
    const reading = {
      state,
      percent: state === 'finished' ? 100 : Math.floor(sum / Math.max(1, tasks.length)),
      reason: reasonOf(tasks),
    };
    if (state === 'error' || state === 'canceled')
      telemetry.problem('EncodingStopped', report(run, job, tasks));
    if (state === 'finished') telemetry.event('EncodingFinished', report(run, job, tasks));
    return reading;
  };
}

function reasonOf(tasks: readonly Task[]): string {
  return tasks
    .flatMap(({ ErrorDetails }) => ErrorDetails)
    .map(({ Code, Message }) => `${Code}: ${Message}`)
    .join('; ')
    .slice(0, 2000);
}

/** What the walkthrough logs of a job that stopped: the job, and every task with its errors. */
function report(
  run: RunReference,
  job: Job,
  tasks: readonly Task[],
): Record<string, string | number | undefined> {
  return {
    ...run,
    jobId: job.Id,
    jobName: job.Name,
    state: states[job.State],
    started: job.StartTime?.toISOString(),
    ended: job.EndTime?.toISOString(),
    runningMilliseconds: job.RunningDuration,
    tasks: JSON.stringify(
      tasks.map((task) => ({
        taskId: task.Id,
        name: task.Name,
        state: states[task.State],
        progress: task.Progress,
        errors: task.ErrorDetails.map(({ Code, Message }) => ({ code: Code, message: Message })),
      })),
    ),
  };
}
