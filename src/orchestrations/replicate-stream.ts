import type { OrchestrationContext } from 'durable-functions';
import { otherDataCenter } from '../streams/data-center.ts';
import { errorOf, failureText, FinalError, type Failure, type Outcome } from '../streams/errors.ts';
import type { PublishResult, ReplicateStreamInput } from '../streams/operation.ts';
import { Cancellation } from './cancellation.ts';
import { failureFrom, perform, tryTo, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';
import type { Replica, ReplicateAssetInput } from './replicate-asset.ts';

/** Replicates, or repairs, a stream that is published at its source: steps 5 to 14. */
export function* replicateStream(context: OrchestrationContext): Steps<PublishResult> {
  const input = context.df.getInput<ReplicateStreamInput>();
  let result: PublishResult | undefined;
  let failure: Failure | null = null;
  try {
    result = yield* replicate(context, input);
  } catch (error) {
    failure = failureFrom(error);
  }
  const summary = { kind: 'replicate', protected: result !== undefined, error: failure } as const;
  yield* tryTo(context, 'finishRun', { run: input.run, ...summary });
  if (result === undefined) throw new Error(failureText(failure ?? failureFrom('no result')));
  context.df.setCustomStatus(statusOf('done'));
  return result;
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
