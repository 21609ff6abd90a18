import type { TaskErrorCode, TaskErrorDetail } from '../model.ts';

/**
 * Why a job could not be encoded, in the words its owner reads (what is wrong, what to do). A final one says that no
 * other attempt can succeed; the others are worth another attempt.
 */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
  readonly code: TaskErrorCode;
  readonly final: boolean;

  constructor(code: TaskErrorCode, message: string, options: { final: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = code;
    this.final = options.final;
  }

  get detail(): TaskErrorDetail {
    return { Code: this.code, Message: this.message };
  }
}

/** The content, the preset or the job itself is not usable: trying again changes nothing. */
export function finalError(code: TaskErrorCode, message: string, cause?: unknown): EncodeError {
  return new EncodeError(code, message, { final: true, cause });
}

/** Storage, the network or the machine failed: another attempt may succeed. */
export function retriableError(code: TaskErrorCode, message: string, cause?: unknown): EncodeError {
  return new EncodeError(code, message, { final: false, cause });
}
