/** Why a step failed: stable, for programs. The message says what to do. */
export const errorCodes = {
  // Final: trying the same again cannot succeed.
  'input-missing': 'The input asset or file does not exist.',
  'input-empty': 'The input has no file, or an empty one.',
  'input-encrypted': 'The asset is encrypted, so it can be neither encoded nor replicated.',
  'input-ambiguous': 'The input has several files and none of them is primary.',
  'input-name': 'A file of the input has a name that no asset file may have.',
  'input-url-refused': 'The URL, or an address it leads to, may not be fetched.',
  'input-url-failed': 'The URL answered with something else than the file.',
  'input-too-large': 'The input is larger than this installation takes.',
  'manifest-count': 'The asset does not have exactly one .ism file.',
  'encoding-failed': 'The encoder could not make the stream from this input.',
  'encoding-stuck': 'The encoding job made no progress for too long and was canceled.',
  'encoding-canceled': 'The encoding job was canceled at the media service.',
  'stream-missing': 'There is no published stream of this id.',
  'stream-exists': 'Another input is published, or being published, under this stream id.',
  'stream-busy': 'Another operation is changing this stream.',
  'not-home': 'This app changes only the streams whose source is its home data center.',
  'endpoint-stopped': 'The streaming endpoint is not running, and the settings forbid to start it.',
  'locator-conflict': 'A locator of this id belongs to another asset.',
  'sides-differ': 'The two sides do not hold the same.',
  'probe-failed': 'A streaming endpoint does not serve what it should.',
  'media-service-refused': 'A media service refused a request.',
  'storage-refused': 'A storage account refused a request.',
  canceled: 'The operation was canceled.',
  internal: 'A fault of this program.',
  // Retriable: the same may succeed later.
  'media-service-unreachable': 'A media service cannot be reached, or is busy.',
  'storage-unreachable': 'A storage account cannot be reached, or is busy.',
  'origin-unreachable': 'A streaming endpoint cannot be reached.',
  'input-url-unreachable': 'The URL cannot be reached.',
  'activity-lost': 'A step ended without an answer (its process died, or it took too long).',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** A failure as it crosses the border of an activity or a sub-orchestration: plain data, never a secret. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Whether the same step may succeed later; a failure that is not retriable is never tried again. */
  readonly retriable: boolean;
}

/** What an activity or a sub-orchestration answers. Durable failures carry text only, so failures travel as data. */
export type Outcome<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly error: Failure };

/** A step failed: `FinalError` or `RetriableError`. */
export abstract class StreamError extends Error implements Failure {
  readonly code: ErrorCode;
  abstract readonly retriable: boolean;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Bad content, a refused input, a conflict: never tried again. */
export class FinalError extends StreamError {
  override readonly name = 'FinalError';
  readonly retriable = false;
}

/** An outage, a time-out, a busy service: tried again, for a bounded time. */
export class RetriableError extends StreamError {
  override readonly name = 'RetriableError';
  readonly retriable = true;
}

/** How a run ends, and each of its steps, once it is to stop. */
export function canceledError(): FinalError {
  return new FinalError('canceled', 'The operation was canceled.');
}

/** An error of a step, or a failure with more to it, as plain data. */
export function failureOf({ code, message, retriable }: Failure): Failure {
  return { code, message, retriable };
}

/** The error that a failure describes. */
export function errorOf(failure: Failure): StreamError {
  return failure.retriable
    ? new RetriableError(failure.code, failure.message)
    : new FinalError(failure.code, failure.message);
}

/** What a failed run leaves as its text, which is all that the durable engine keeps of an error. */
export function failureText({ code, message, retriable }: Failure): string {
  return `${message} [${code}, ${retriable ? 'retriable' : 'final'}]`;
}

const enginePrefix = /^(?:Orchestrator function '[^']*' failed: )+/;
const failureSuffix = / \[([a-z-]+), (final|retriable)\]/;

/** Reads a failed run's text; one that was not made by `failureText` is a fault of the program. */
export function parseFailureText(text: string): Failure {
  const message = text.replace(enginePrefix, '');
  const match = failureSuffix.exec(message);
  const code = match?.[1];
  if (match === null || code === undefined || !isErrorCode(code)) {
    return { code: 'internal', message: message.slice(0, 1000), retriable: false };
  }
  return { code, message: message.slice(0, match.index), retriable: match[2] === 'retriable' };
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text);
}
