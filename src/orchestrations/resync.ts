import type { OrchestrationContext, Task } from 'durable-functions';
import type { ClaimStreamInput } from '../activities/claim-stream.ts';
import type { Unprotected } from '../activities/find-unprotected.ts';
import { describeDifferences } from '../streams/comparison.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { failureText, parseFailureText } from '../streams/errors.ts';
import type {
  Patience,
  ReplicateStreamInput,
  ResyncMode,
  ResyncResult,
  VerifyResult,
  VerifyStreamInput,
} from '../streams/operation.ts';
import type { ReadLevel } from '../streams/side-state.ts';
import { operationIdOf, type RunId, type StreamId } from '../streams/stream-id.ts';
import { messageOf } from '../message-of.ts';
import { failureFrom, perform, type Steps } from './perform.ts';

export interface ResyncInput {
  readonly source: DataCenterKey;
  readonly mode: ResyncMode;
  /** *bytes*: what is equal by its properties is read byte for byte on both sides, too. */
  readonly level: ReadLevel;
  readonly patience: Patience;
  /** What earlier generations found; absent at the start. */
  readonly found?: Found;
}

interface Found {
  readonly checked: number;
  readonly unprotected: number;
  readonly repaired: number;
  /** The first ones. */
  readonly open: readonly Unprotected[];
  /** Up to where streams were read byte for byte. */
  readonly readUpTo: StreamId | null;
}

/** Streams repaired, or read byte for byte, side by side. */
const parallel = 3;
const shownStreams = 20;
/** Streams read byte for byte before it starts over with an empty history. */
const streamsInGeneration = 30;
/** A long list of failures says that something else is wrong: the next re-sync tries again. */
const mostTries = 200;

/**
 * Looks at every stream of a source, and replicates those that are not protected (mode *repair*). A stream that another
 * run holds is left to it.
 */
export function* resync(context: OrchestrationContext): Steps<ResyncResult | undefined> {
  const input = context.df.getInput<ResyncInput>();
  const { mode, level } = input;
  try {
    let found = input.found ?? (yield* byProperties(context, input));
    if (level === 'bytes') {
      if (input.found !== undefined) found = yield* byBytes(context, input, input.found);
      if (input.found === undefined || found.readUpTo !== null) {
        context.df.continueAsNew({ ...input, found });
        return undefined;
      }
    }
    const { checked, unprotected, repaired, open } = found;
    return { mode, level, checked, unprotected, repaired, open };
  } catch (error) {
    throw new Error(failureText(failureFrom(error)), { cause: error });
  }
}

/** Looks at the properties of all streams, and repairs until none is left that was not tried. */
function* byProperties(context: OrchestrationContext, input: ResyncInput): Steps<Found> {
  const { source, mode, patience } = input;
  const tried: StreamId[] = [];
  const open: Unprotected[] = [];
  for (;;) {
    const found = yield* perform(context, 'findUnprotected', { source, skip: tried }, patience.source);
    const repaired = tried.length - open.length;
    const checked = found.checked + tried.length;
    if (mode === 'report' || found.count === 0 || tried.length >= mostTries) {
      // Those behind the last try are open as well; those whose URL has expired cannot be repaired.
      const unprotected = open.length + found.count + (found.expired?.count ?? 0);
      const all = [...open, ...found.streams, ...(found.expired?.streams ?? [])];
      return { checked, unprotected, repaired, open: all.slice(0, shownStreams), readUpTo: null };
    }
    open.push(...(yield* repair(context, found.streams, input)));
    tried.push(...found.streams.map(({ streamId }) => streamId));
    context.df.setCustomStatus({ step: 'resync', percent: 50 });
  }
}

/** Reads the next streams that are equal by their properties byte for byte, and repairs those that are not equal. */
function* byBytes(context: OrchestrationContext, input: ResyncInput, before: Found): Steps<Found> {
  const { source, mode, patience } = input;
  const after = before.readUpTo;
  const page = yield* perform(
    context,
    'findProtected',
    { source, after, limit: streamsInGeneration },
    patience.source,
  );
  const differing: Unprotected[] = [];
  for (const group of groupsOf(page.streams)) {
    for (const part of yield* runParts<VerifyResult>(context, 'verify', group, input)) {
      if ('value' in part ? part.value.compared.equal : part.busy) continue;
      const reason = 'value' in part ? describeDifferences(part.value.compared) : part.reason;
      differing.push({ streamId: part.streamId, reason });
    }
    context.df.setCustomStatus({ step: 'compare', percent: 75 });
  }
  const open = mode === 'report' ? differing : yield* repair(context, differing, input);
  return {
    checked: before.checked,
    unprotected: before.unprotected + open.length,
    repaired: before.repaired + differing.length - open.length,
    open: [...before.open, ...open].slice(0, shownStreams),
    readUpTo: page.next,
  };
}

/** Replicates some streams; answers with those that are not protected still, and why. */
function* repair(
  context: OrchestrationContext,
  streams: readonly Unprotected[],
  input: ResyncInput,
): Steps<Unprotected[]> {
  const open: Unprotected[] = [];
  for (const group of groupsOf(streams.map(({ streamId }) => streamId))) {
    for (const part of yield* runParts(context, 'replicate', group, input)) {
      if (!('value' in part)) open.push({ streamId: part.streamId, reason: part.reason });
    }
  }
  return open;
}

function groupsOf(streams: readonly StreamId[]): readonly (readonly StreamId[])[] {
  const groups: StreamId[][] = [];
  for (let start = 0; start < streams.length; start += parallel) {
    groups.push(streams.slice(start, start + parallel));
  }
  return groups;
}

type Part<Value> =
  | { readonly streamId: StreamId; readonly value: Value }
  /** `busy`: another run has the stream; else the part's own run failed. */
  | { readonly streamId: StreamId; readonly reason: string; readonly busy: boolean };

/** Claims streams and replicates or verifies them side by side, each in a run of its own. */
function* runParts<Value>(
  context: OrchestrationContext,
  kind: ClaimStreamInput['kind'],
  streams: readonly StreamId[],
  { source, patience }: ResyncInput,
): Steps<Part<Value>[]> {
  const parts: Part<Value>[] = [];
  const started: { readonly streamId: StreamId; readonly task: Task }[] = [];
  for (const streamId of streams) {
    const { runId, reason } = yield* claim(context, { kind, streamId, source, patience });
    if (runId === null) parts.push({ streamId, reason, busy: true });
    else
      started.push({ streamId, task: start(context, kind, { run: { streamId, runId }, source, patience }) });
  }
  if (started.length > 0) {
    try {
      yield context.df.Task.all(started.map(({ task }) => task));
    } catch {
      // Told by the tasks themselves, below.
    }
  }
  for (const { streamId, task } of started) {
    try {
      parts.push({ streamId, value: (yield task) as Value });
    } catch (error) {
      const text = messageOf(error);
      parts.push({ streamId, reason: parseFailureText(text).message.slice(0, 300), busy: false });
    }
  }
  return parts;
}

function* claim(
  context: OrchestrationContext,
  input: ClaimStreamInput,
): Steps<{ readonly runId: RunId | null; readonly reason: string }> {
  try {
    return yield* perform(context, 'claimStream', input, input.patience.source);
  } catch (error) {
    return { runId: null, reason: failureFrom(error).message };
  }
}

function start(
  context: OrchestrationContext,
  kind: ClaimStreamInput['kind'],
  input: ReplicateStreamInput,
): Task {
  const { streamId, runId } = input.run;
  const id = operationIdOf(streamId, runId);
  if (kind === 'replicate') return context.df.callSubOrchestrator('replicateStream', input, id);
  const verify: VerifyStreamInput = { ...input, level: 'bytes' };
  return context.df.callSubOrchestrator('verifyStream', verify, id);
}
