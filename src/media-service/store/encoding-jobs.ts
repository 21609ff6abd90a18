import { randomUUID } from 'node:crypto';
import type { EncodingQueue, LeasedJob } from '../encoder/encoding-queue.ts';
import { JobState } from '../model.ts';
import { EncodingLease } from './encoding-lease.ts';
import type { EncodingParts } from './encoding-parts.ts';
import { calling } from './errors.ts';
import { ended, hasEnded, statePartition, withError, withEvent, type JobRecord } from './job-rows.ts';

/** The jobs that wait for an encoder. */
export interface WaitingJobs {
  /** About; those that an encoder has are counted, too. */
  readonly queued: number;
  /** Since the oldest one that no encoder has was queued, seconds; undefined when there is none. */
  readonly oldestSeconds: number | undefined;
}

/** What a queue message comes to when an encoder takes it. */
type Taken =
  | { readonly kind: 'taken'; readonly record: JobRecord; readonly position: number }
  | { readonly kind: 'dropped'; readonly why: string };

/**
 * The queue of jobs: one message a job, invisible while an encoder renews it, visible again when the encoder is lost.
 * The job's row names the message and the lease, so a message that comes twice and an encoder that comes back late
 * change nothing.
 */
export class EncodingJobs implements EncodingQueue {
  readonly #parts: EncodingParts;
  #sweptAt = 0;

  constructor(parts: EncodingParts) {
    this.#parts = parts;
  }

  async take(): Promise<LeasedJob | undefined> {
    const { queue, limits, log } = this.#parts;
    for (;;) {
      const receivedAt = Date.now();
      const { receivedMessageItems } = await calling(() =>
        queue.receiveMessages({ numberOfMessages: 1, visibilityTimeout: limits.leaseSeconds }),
      );
      const [message] = receivedMessageItems;
      if (message === undefined) {
        await this.#sweep();
        return undefined;
      }
      const lease = randomUUID();
      const guid = message.messageText;
      const taken = await this.#takeUp(guid, message.messageId, lease);
      if (taken.kind === 'taken') {
        log.info({ job: guid, takes: taken.record.job.Takes }, 'An encoder took the job up');
        return EncodingLease.begin(this.#parts, {
          guid,
          lease,
          message: { ...message, receivedAt },
          ...taken,
        });
      }
      log.info({ job: guid, why: taken.why }, 'A queue message was dropped');
      await calling(() => queue.deleteMessage(message.messageId, message.popReceipt));
    }
  }

  /**
   * Looks which jobs wait, without taking one; when none does, jobs whose message was lost are queued again. For
   * services whose encoders run only while the queue has something.
   */
  async waiting(): Promise<WaitingJobs> {
    const { queue } = this.#parts;
    const { peekedMessageItems } = await calling(() => queue.peekMessages({ numberOfMessages: 1 }));
    const [oldest] = peekedMessageItems;
    if (oldest === undefined) await this.#sweep();
    const { approximateMessagesCount: queued = 0 } = await calling(() => queue.getProperties());
    return {
      queued,
      oldestSeconds: oldest && Math.max(0, Math.round((Date.now() - oldest.insertedOn.getTime()) / 1000)),
    };
  }

  async #takeUp(guid: string, message: string, lease: string): Promise<Taken> {
    if (!/^[0-9a-f-]{36}$/.test(guid)) return { kind: 'dropped', why: 'not a job' };
    const taken = await this.#parts.partitions.change<Taken>(guid, (record) => {
      const { job, tasks } = record;
      // The answer to this very change was lost, and it is made again.
      if (job.Lease === lease) return { result: { kind: 'taken', record, position: unfinished(record) } };
      if (hasEnded(job.State)) return { result: { kind: 'dropped', why: 'the job has ended' } };
      if (job.Message !== undefined && job.Message !== message) {
        return { result: { kind: 'dropped', why: 'another message stands for the job' } };
      }
      if (job.State === JobState.Canceling) {
        return {
          record: ended(record, JobState.Canceled),
          result: { kind: 'dropped', why: 'the job was canceled' },
        };
      }
      if (job.Takes >= this.#parts.limits.takes) {
        const detail = {
          Code: 'ErrorProcessingTask',
          Message: `The job was taken up ${job.Takes} times and no encoder ended it.`,
        } as const;
        return {
          record: ended(record, JobState.Error, (task) => withError(task, detail)),
          result: { kind: 'dropped', why: 'the job was taken up too often' },
        };
      }
      const position = unfinished(record);
      const after: JobRecord = {
        job: {
          ...job,
          State: job.State === JobState.Queued ? JobState.Scheduled : job.State,
          Message: message,
          Lease: lease,
          Heartbeat: new Date(),
          Takes: job.Takes + 1,
        },
        tasks: tasks.map((task, at) =>
          at === position ? { ...withEvent(task, 'Scheduled'), State: JobState.Scheduled } : task,
        ),
      };
      return { record: after, result: { kind: 'taken', record: after, position } };
    });
    return taken ?? { kind: 'dropped', why: 'there is no such job' };
  }

  /**
   * Queues jobs again whose message was lost: a crash came between a job and its message, or the queue was emptied by
   * hand. Called while the queue is empty, so an unfinished job not heard of for several leases has no message.
   */
  async #sweep(): Promise<void> {
    const { limits, index, partitions, queue, log } = this.#parts;
    if (Date.now() - this.#sweptAt < limits.sweepMilliseconds) return;
    this.#sweptAt = Date.now();
    const silence = 4 * limits.leaseSeconds * 1000;
    const states = [JobState.Queued, JobState.Scheduled, JobState.Processing, JobState.Canceling];
    for (const state of states) {
      const lost = index.scan(statePartition(state), async (guid) => {
        const record = await partitions.read(guid);
        if (record?.job.State !== state) return undefined;
        return { guid, silent: Date.now() - record.written.getTime() > silence };
      });
      for await (const batch of lost(undefined, 200)) {
        for (const { value } of batch) {
          if (value?.silent !== true) continue;
          const { messageId } = await calling(() => queue.sendMessage(value.guid, { messageTimeToLive: -1 }));
          await partitions.change(value.guid, (record) => ({
            ...(!hasEnded(record.job.State) && {
              record: { ...record, job: { ...record.job, Message: messageId } },
            }),
            result: undefined,
          }));
          log.warn({ job: value.guid }, 'A job without a message was queued again');
        }
      }
    }
  }
}

function unfinished({ tasks }: JobRecord): number {
  return tasks.findIndex(({ State }) => !hasEnded(State));
}
