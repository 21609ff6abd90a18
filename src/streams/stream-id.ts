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

/** The id of an operation, which is the durable instance id of its run: `{streamId}-{runId}`. */
export type OperationId = string & { readonly operationId: unique symbol };

const operationIdPattern = /^([A-Za-z0-9][A-Za-z0-9_-]{0,63})-([0-9a-f]{16})$/;

export function operationIdOf(streamId: StreamId, runId: RunId): OperationId {
  return `${streamId}-${runId}` as OperationId;
}

/** Reads an operation's id; undefined when it is none. */
export function parseOperationId(
  text: string,
): { readonly operationId: OperationId; readonly streamId: StreamId; readonly runId: RunId } | undefined {
  const match = operationIdPattern.exec(text);
  const [, streamId, runId] = match ?? [];
  if (streamId === undefined || runId === undefined) return undefined;
  return { operationId: text as OperationId, streamId: streamId as StreamId, runId: runId as RunId };
}
