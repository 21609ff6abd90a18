import type { EncodingParts } from './encoding-parts.ts';
import { calling, statusOf } from './errors.ts';

/** What becomes of the queue message when a job is ended or given back. */
export type MessageFate = 'away' | 'again at once' | 'again later';

/** A received message; `receivedAt` in milliseconds since 1970, before it was asked for. */
export interface ReceivedMessage {
  readonly messageId: string;
  readonly popReceipt: string;
  readonly receivedAt: number;
}

/** The queue message of a job that an encoder holds: nobody else receives it as long as it is renewed in time. */
export class LeasedMessage {
  readonly #parts: Pick<EncodingParts, 'queue' | 'limits' | 'log'>;
  readonly #guid: string;
  readonly #messageId: string;
  #popReceipt: string;
  #leasedUntil: number;

  /** @param guid the job's, which is the message's text */
  constructor(
    parts: Pick<EncodingParts, 'queue' | 'limits' | 'log'>,
    guid: string,
    { messageId, popReceipt, receivedAt }: ReceivedMessage,
  ) {
    this.#parts = parts;
    this.#guid = guid;
    this.#messageId = messageId;
    this.#popReceipt = popReceipt;
    this.#leasedUntil = receivedAt + parts.limits.leaseSeconds * 1000;
  }

  /** Whether others may have received the message by now. */
  get hasRunOut(): boolean {
    return Date.now() > this.#leasedUntil;
  }

  /** Holds the message for another lease; false when somebody else has it or it is gone. */
  async renew(): Promise<boolean> {
    const { queue, limits } = this.#parts;
    const asked = Date.now();
    try {
      const { popReceipt } = await calling(() =>
        queue.updateMessage(this.#messageId, this.#popReceipt, this.#guid, limits.leaseSeconds),
      );
      if (popReceipt !== undefined) this.#popReceipt = popReceipt;
      this.#leasedUntil = asked + limits.leaseSeconds * 1000;
      return true;
    } catch (error) {
      const status = statusOf(error);
      if (status !== 404 && status !== 400) throw error;
      return false;
    }
  }

  /** Gives the message up. */
  async end(fate: MessageFate): Promise<void> {
    const { queue, limits, log } = this.#parts;
    const seconds = fate === 'again later' ? limits.retrySeconds : 0;
    try {
      await calling(() =>
        fate === 'away'
          ? queue.deleteMessage(this.#messageId, this.#popReceipt)
          : queue.updateMessage(this.#messageId, this.#popReceipt, this.#guid, seconds),
      );
    } catch (error) {
      // The job's row has the truth; a message that stays is dropped or taken when its lease ends.
      log.warn({ job: this.#guid, status: statusOf(error) }, 'A queue message was left behind');
    }
  }
}
