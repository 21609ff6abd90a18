import type { OrchestrationContext } from 'durable-functions';
import type { SideReading } from '../activities/read-side.ts';
import type { Comparison } from '../streams/comparison.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';
import type { AssetId } from '../streams/entity-ids.ts';
import type { VerifyResult, VerifyStreamInput } from '../streams/operation.ts';
import { perform, tryTo, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';
import { runToEnd } from './run-to-end.ts';

/** Compares a stream's two sides, and changes neither; at level *bytes* every byte of both is read. */
export function* verifyStream(context: OrchestrationContext): Steps<VerifyResult> {
  const input = context.df.getInput<VerifyStreamInput>();
  const compared = yield* runToEnd(
    context,
    { run: input.run, kind: 'verify' },
    () => verify(context, input),
    ({ equal }) => equal,
  );
  return { streamId: input.run.streamId, compared };
}

function* verify(context: OrchestrationContext, input: VerifyStreamInput): Steps<Comparison> {
  const { run, source, level, patience } = input;
  context.df.setCustomStatus(statusOf('findStream'));
  yield* perform(context, 'confirmClaim', { run }, patience.source);
  const found: { readonly side: DataCenterKey; readonly assetId: AssetId }[] = [];
  for (const side of [source, otherDataCenter(source)]) {
    const place = { side, streamId: run.streamId };
    const { stream } = yield* perform(context, 'findStream', place, patience.source);
    if (stream !== null) found.push({ side, assetId: stream.assetId });
    else if (side === source) {
      throw new FinalError('stream-missing', `The stream ${run.streamId} is not published at its source.`);
    }
  }
  context.df.setCustomStatus(statusOf('compare'));
  const [here, there] = found;
  if (level === 'properties' || here === undefined || there === undefined) {
    return yield* compareAt(context, input, { level: 'properties' }, { level: 'properties' });
  }
  try {
    const left = yield* perform(context, 'readSas', { run, ...here }, patience.source);
    const right = yield* perform(context, 'readSas', { run, ...there }, patience.target);
    return yield* compareAt(
      context,
      input,
      { level, sasLocatorId: left.locatorId, rehash: true },
      { level, sasLocatorId: right.locatorId, rehash: true },
    );
  } finally {
    for (const place of found) yield* tryTo(context, 'deleteSasLocators', { run, ...place });
  }
}

function* compareAt(
  context: OrchestrationContext,
  { run, source, patience }: VerifyStreamInput,
  here: SideReading,
  there: SideReading,
): Steps<Comparison> {
  return yield* perform(
    context,
    'compareSides',
    {
      run,
      source: { side: source, reading: here },
      target: { side: otherDataCenter(source), reading: there },
      locators: true,
    },
    patience.target,
  );
}
