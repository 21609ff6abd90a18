import type { OrchestrationContext } from 'durable-functions';
import type { Place } from '../activities/containers.ts';
import type { AssetId, LocatorId } from '../streams/entity-ids.ts';
import { describeDifferences, type Comparison } from '../streams/comparison.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import { errorOf, FinalError, type Outcome } from '../streams/errors.ts';
import type { Patience, RunReference } from '../streams/operation.ts';
import { probeDifferences, type ProbeReport } from '../streams/probe.ts';
import type { PublishedName } from '../streams/published-name.ts';
import type { StreamingUrls } from '../streams/streaming-urls.ts';
import type { CopiedSoFar, CopyBlobsInput } from './copy-blobs.ts';
import { answerOf, failureFrom, perform, tryTo, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';

export interface ReplicateAssetInput {
  readonly run: RunReference;
  readonly source: DataCenterKey;
  readonly assetId: AssetId;
  readonly name: PublishedName;
  readonly locatorId: LocatorId;
  readonly urls: StreamingUrls;
  readonly patience: Patience;
}

export interface Replica {
  readonly urls: StreamingUrls;
  readonly compared: Comparison;
}

/** Batches are copied in so many lanes side by side, each going on to its next batch as soon as it can. */
const lanes = 4;

/** Steps 6 to 14: makes the target what the source is, and publishes it there once that is proven. */
export function* replicateAsset(context: OrchestrationContext): Steps<Outcome<Replica>> {
  const input = context.df.getInput<ReplicateAssetInput>();
  const { run, source, assetId, patience } = input;
  const target = otherDataCenter(source);
  let targetAssetId: AssetId | undefined;
  let outcome: Outcome<Replica>;
  try {
    yield* perform(context, 'startEndpoint', { run, side: target }, patience.target);
    context.df.setCustomStatus(statusOf('readSas'));
    const read = yield* perform(context, 'readSas', { run, side: source, assetId }, patience.source);
    const purpose = { kind: 'replica', name: input.name } as const;
    const replica = yield* perform(context, 'createAsset', { run, side: target, purpose }, patience.target);
    targetAssetId = replica.assetId;
    context.df.setCustomStatus(statusOf('writeSas'));
    const write = yield* perform(
      context,
      'writeSas',
      { run, side: target, assetId: targetAssetId },
      patience.target,
    );
    const from = { side: source, sasLocatorId: read.locatorId };
    const to = { side: target, sasLocatorId: write.locatorId };
    yield* copyAll(context, input, from, to);
    context.df.setCustomStatus(statusOf('createFileInfos'));
    yield* perform(
      context,
      'createFileInfos',
      { run, side: target, assetId: targetAssetId },
      patience.target,
    );
    const compared = yield* proveEqual(context, input, from, to);
    const urls = yield* publishReplica(context, input, targetAssetId);
    outcome = { ok: true, value: { urls, compared } };
  } catch (error) {
    outcome = { ok: false, error: failureFrom(error) };
  }
  context.df.setCustomStatus(statusOf('deleteLocators'));
  yield* tryTo(context, 'deleteSasLocators', { run, side: source, assetId });
  if (targetAssetId !== undefined) {
    yield* tryTo(context, 'deleteSasLocators', { run, side: target, assetId: targetAssetId });
  }
  return outcome;
}

/** At most 100 characters, as durable instance ids may have: the first ten rounds leave room for a longer word. */
function laneId(instanceId: string, round: number, lane: number): string {
  return `${instanceId}:${round < 10 ? 'copy' : 'c'}-${round}-${lane}`;
}

/** Step 9: plans, and copies in lanes, until nothing differs. */
function* copyAll(
  context: OrchestrationContext,
  { run, patience }: ReplicateAssetInput,
  source: Place,
  target: Place,
): Steps<void> {
  let done: CopiedSoFar = { blobs: 0, bytes: 0 };
  for (let round = 0; ; round += 1) {
    const plan = yield* perform(context, 'planBatches', { run, source, target }, patience.target);
    const total = done.bytes + plan.bytes;
    const inputs = Array.from({ length: Math.min(lanes, plan.batches.length) }, (_, lane) => ({
      run,
      source,
      target,
      batches: plan.batches.filter((_batch, index) => index % lanes === lane),
      patience: patience.target,
      done: { blobs: 0, bytes: 0 },
    })) satisfies CopyBlobsInput[];
    if (inputs.length === 0) return;
    const ids = inputs.map((_, lane) => laneId(context.df.instanceId, round, lane));
    context.df.setCustomStatus(
      statusOf('copyBlobs', total === 0 ? 0 : done.bytes / total, {
        bytes: { done: done.bytes, total },
        lanes: ids,
      }),
    );
    const tasks = inputs.map((input, lane) => context.df.callSubOrchestrator('copyBlobs', input, ids[lane]));
    try {
      yield context.df.Task.all(tasks);
    } catch {
      // Told by the tasks themselves, below: every lane's own end is waited for.
    }
    const outcomes: Outcome<CopiedSoFar>[] = [];
    for (const task of tasks) outcomes.push(yield* answerOf<CopiedSoFar>(task));
    for (const outcome of outcomes) {
      if (!outcome.ok) throw errorOf(outcome.error);
      done = { blobs: done.blobs + outcome.value.blobs, bytes: done.bytes + outcome.value.bytes };
    }
    if (!plan.more) return;
  }
}

/** Step 11: the MD5 of the target's bytes against what the encoder declared, before anything is published there. */
function* proveEqual(
  context: OrchestrationContext,
  { run, patience }: ReplicateAssetInput,
  from: Place,
  to: Place,
): Steps<Comparison> {
  context.df.setCustomStatus(statusOf('compare'));
  const reading = (place: Place, rehash: boolean) =>
    ({
      side: place.side,
      reading: { level: 'bytes', sasLocatorId: place.sasLocatorId, rehash },
    }) as const;
  const compared = yield* perform(
    context,
    'compareSides',
    { run, source: reading(from, false), target: reading(to, true), locators: false },
    patience.target,
  );
  if (compared.equal) return compared;
  throw new FinalError(
    'sides-differ',
    `The copy differs from its source, so it is not published: ${describeDifferences(compared)}.`,
  );
}

/** Steps 12 and 13: the locator comes last, and goes again when what it serves is not the same. */
function* publishReplica(
  context: OrchestrationContext,
  { run, source, locatorId, urls, patience }: ReplicateAssetInput,
  targetAssetId: AssetId,
): Steps<StreamingUrls> {
  const target = otherDataCenter(source);
  context.df.setCustomStatus(statusOf('replicateLocator'));
  const locator = yield* perform(
    context,
    'replicateLocator',
    { run, source, locatorId, targetAssetId },
    patience.target,
  );
  context.df.setCustomStatus(statusOf('probeOrigin'));
  const seed = Number.parseInt(run.runId.slice(0, 8), 16);
  let here: ProbeReport | undefined;
  let trouble: unknown;
  try {
    here = yield* perform(context, 'probeOrigin', { run, side: source, urls, seed }, patience.source);
  } catch (error) {
    // A source that is lost says nothing against the copy, whose bytes are proven: it may be all that plays.
    trouble = error;
  }
  try {
    const there = yield* perform(
      context,
      'probeOrigin',
      { run, side: target, urls: locator.urls, seed },
      patience.target,
    );
    const differing = here === undefined ? [] : probeDifferences(here, there);
    if (differing.length > 0) {
      throw new FinalError(
        'probe-failed',
        `The streaming endpoints serve different bytes: ${differing.slice(0, 5).join(', ')}.`,
      );
    }
  } catch (error) {
    if (locator.created) yield* tryTo(context, 'deleteLocator', { run, side: target, locatorId });
    throw error;
  }
  if (here === undefined) throw trouble;
  return locator.urls;
}
