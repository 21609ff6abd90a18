/** The id of a stream, as its maker chose it. */
export type StreamId = string & { readonly streamId: unique symbol };

/**
 * What an id may look like. It becomes part of durable instance ids, table keys and URLs (none of which may hold
 * `/ \ # ?`), and is the first word of the published asset's name (so no spaces).
 */
export const streamIdPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

export const streamIdRule =
  'must be 1 to 64 letters (a to z, A to Z), digits, hyphens and underscores, the first one a letter or a digit';

export function isStreamId(text: string): text is StreamId {
  return streamIdPattern.test(text);
}

/** One run of a workflow that changes a stream: 16 hex digits. */
export type RunId = string & { readonly runId: unique symbol };

/** What an operation is on: a stream, or all of them (no stream id begins like this). */
export type Subject = StreamId | typeof allStreams;
export const allStreams = '~resync';

/** The id of an operation, which is the durable instance id of its run: `{streamId}-{runId}`. */
export type OperationId = string & { readonly operationId: unique symbol };

/** The stream that an operation is on, as answers name it; nothing when it is on all of them. */
export function streamOf(subject: Subject): { readonly streamId?: StreamId } {
  return subject === allStreams ? {} : { streamId: subject };
}

const operationIdPattern = /^(~resync|[A-Za-z0-9][A-Za-z0-9_-]{0,63})-([0-9a-f]{16})$/;

export function operationIdOf(subject: Subject, runId: RunId): OperationId {
  return `${subject}-${runId}` as OperationId;
}

/** Reads an operation's id; undefined when it is none. */
export function parseOperationId(
  text: string,
): { readonly operationId: OperationId; readonly subject: Subject; readonly runId: RunId } | undefined {
  const [, subject, runId] = operationIdPattern.exec(text) ?? [];
  if (subject === undefined || runId === undefined) return undefined;
  return { operationId: text as OperationId, subject: subject as Subject, runId: runId as RunId };
}
