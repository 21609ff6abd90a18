import type { OrchestrationContext } from 'durable-functions';
import { otherDataCenter } from '../streams/data-center.ts';
import { errorOf, FinalError, type Outcome } from '../streams/errors.ts';
import type { PublishResult, ReplicateStreamInput } from '../streams/operation.ts';
import { Cancellation } from './cancellation.ts';
import { perform, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';
import type { Replica, ReplicateAssetInput } from './replicate-asset.ts';
import { runToEnd } from './run-to-end.ts';

/** Replicates, or repairs, a stream that is published at its source: steps 5 to 14. */
export function* replicateStream(context: OrchestrationContext): Steps<PublishResult> {
  const input = context.df.getInput<ReplicateStreamInput>();
  return yield* runToEnd(
    context,
    { run: input.run, kind: 'replicate' },
    () => replicate(context, input),
    (result) => result.protected,
  );
}

function* replicate(
  context: OrchestrationContext,
  { run, source, patience }: ReplicateStreamInput,
): Steps<PublishResult> {
  const { streamId } = run;
  context.df.setCustomStatus(statusOf('findStream'));
  yield* perform(context, 'confirmClaim', { run }, patience.source);
  const place = { side: source, streamId, toChange: true };
  const { stream } = yield* perform(context, 'findStream', place, patience.source);
  if (stream === null) {
    throw new FinalError('stream-missing', `The stream ${streamId} is not published at its source.`);
  }
  yield* perform(context, 'startEndpoint', { run, side: source }, patience.source);
  const { assetId, name } = stream;
  const locator = yield* perform(
    context,
    'createOriginLocator',
    { run, side: source, assetId },
    patience.source,
  );
  const part = `${context.df.instanceId}:replicate`;
  context.df.setCustomStatus(statusOf('replicateAsset', 0, { part }));
  const input: ReplicateAssetInput = { run, source, assetId, name, patience, ...locator };
  const outcome: Outcome<Replica> = yield* new Cancellation(context, run).orCancel<Replica>(
    context.df.callSubOrchestrator('replicateAsset', input, part),
  );
  if (!outcome.ok) throw errorOf(outcome.error);
  const { urls, compared } = outcome.value;
  return {
    streamId,
    source,
    locatorId: locator.locatorId,
    protected: true,
    urls: { [source]: locator.urls, [otherDataCenter(source)]: urls },
    compared,
  };
}
