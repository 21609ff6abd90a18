import type { OrchestrationContext } from 'durable-functions';
import type { AssetId, JobId } from '../streams/entity-ids.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import { errorOf, FinalError } from '../streams/errors.ts';
import type { Patience, PublishResult, RunReference } from '../streams/operation.ts';
import type { PublishedStream, StreamLocator } from '../streams/published-stream.ts';
import { Cancellation } from './cancellation.ts';
import { tryTo, type Steps } from './perform.ts';
import { statusOf } from './progress.ts';
import type { Replica, ReplicateAssetInput } from './replicate-asset.ts';
import { runToEnd } from './run-to-end.ts';
import type { TakeInputInput } from './take-input.ts';
import type { WaitForJobInput } from './wait-for-job.ts';

export interface PublishStreamInput {
  readonly run: RunReference;
  readonly source: DataCenterKey;
  /** The URL itself is in the run's claim: it may be signed, and this input stays in the durable history. */
  readonly input: { readonly assetId: AssetId } | { readonly url: 'in the claim' };
  readonly requestHash: string;
  /** A preset's name, or its JSON. */
  readonly preset: string;
  readonly patience: Patience;
  /** The stream may be there already, made from the same request: then what is missing is done. */
  readonly resumes: boolean;
}

/** The whole workflow: encodes a video in its source, publishes it there, and replicates it to the target. */
export function* publishStream(context: OrchestrationContext): Steps<PublishResult> {
  const input = context.df.getInput<PublishStreamInput>();
  const publishing = new Publishing(context, input);
  return yield* runToEnd(
    context,
    { run: input.run, kind: 'publish' },
    () => publishing.run(),
    (result) => result.protected,
  );
}

class Publishing {
  readonly #context: OrchestrationContext;
  readonly #input: PublishStreamInput;
  readonly #cancellation: Cancellation;
  #inputAssetId: AssetId | undefined;
  #jobId: JobId | undefined;
  #published: PublishedStream | undefined;

  constructor(context: OrchestrationContext, input: PublishStreamInput) {
    this.#context = context;
    this.#input = input;
    // An upload's URL ends with the run, whatever becomes of it.
    this.#inputAssetId = 'assetId' in input.input ? input.input.assetId : undefined;
    this.#cancellation = new Cancellation(context, input.run);
  }

  *run(): Steps<PublishResult> {
    try {
      return yield* this.#publish();
    } finally {
      yield* this.#tidyUp();
    }
  }

  *#publish(): Steps<PublishResult> {
    const { run, source, patience, resumes } = this.#input;
    this.#step('findStream');
    yield* this.#cancellation.perform('confirmClaim', { run }, patience.source);
    yield* this.#cancellation.perform('startEndpoint', { run, side: source }, patience.source);
    const place = { side: source, streamId: run.streamId, toChange: true };
    const { stream } = yield* this.#cancellation.perform('findStream', place, patience.source);
    if (stream !== null && !resumes) {
      throw new FinalError(
        'stream-exists',
        `The stream ${run.streamId} is published already, from another input.`,
      );
    }
    this.#published = stream ?? (yield* this.#encode());
    this.#step('createOriginLocator');
    const { assetId } = this.#published;
    const locator = yield* this.#cancellation.perform(
      'createOriginLocator',
      { run, side: source, assetId },
      this.#encodingPatience,
    );
    return yield* this.#replicate(this.#published, locator);
  }

  /** Steps 1 to 4. */
  *#encode(): Steps<PublishedStream> {
    const { run, source, preset, patience } = this.#input;
    const side = source;
    const inputAssetId = yield* this.#takeInput();
    this.#cancellation.check();
    this.#step('encode');
    const { jobId } = yield* this.#cancellation.perform(
      'encode',
      { run, side, inputAssetId, preset },
      patience.source,
    );
    this.#jobId = jobId;
    const part = `${this.#context.df.instanceId}:encode`;
    this.#context.df.setCustomStatus(statusOf('waitForJob', 0, { part }));
    const wait: WaitForJobInput = {
      ...{ run, side, jobId },
      patience: { ...patience, source: this.#encodingPatience },
    };
    const outcome = yield* this.#cancellation.orCancel(
      this.#context.df.callSubOrchestrator('waitForJob', wait, part),
      () => this.#cancelJob(jobId),
    );
    this.#cancellation.check();
    if (!outcome.ok) throw errorOf(outcome.error);
    this.#step('publishAsset');
    return yield* this.#cancellation.perform('publishAsset', { run, side, jobId }, this.#encodingPatience);
  }

  *#cancelJob(jobId: JobId): Steps<unknown> {
    const { run, source, patience } = this.#input;
    return yield* tryTo(this.#context, 'cancelJob', { run, side: source, jobId }, patience.source);
  }

  /** Step 1. */
  *#takeInput(): Steps<AssetId> {
    const { run, source, input, requestHash, patience } = this.#input;
    const side = source;
    this.#step('createAsset');
    if ('assetId' in input) {
      const { assetId } = input;
      yield* this.#cancellation.perform('inspectInput', { run, side, assetId }, patience.source);
      return assetId;
    }
    const purpose = { kind: 'input', requestHash } as const;
    const { assetId } = yield* this.#cancellation.perform(
      'createAsset',
      { run, side, purpose },
      patience.source,
    );
    this.#inputAssetId = assetId;
    const { locatorId } = yield* this.#cancellation.perform(
      'writeSas',
      { run, side, assetId },
      patience.source,
    );
    const part = `${this.#context.df.instanceId}:take-in`;
    this.#context.df.setCustomStatus(statusOf('takeIn', 0, { part }));
    const take: TakeInputInput = { run, target: { side, sasLocatorId: locatorId }, requestHash, patience };
    const outcome = yield* this.#cancellation.orCancel(
      this.#context.df.callSubOrchestrator('takeInput', take, part),
    );
    this.#cancellation.check();
    if (!outcome.ok) throw errorOf(outcome.error);
    yield* this.#cancellation.perform('inspectInput', { run, side, assetId }, patience.source);
    return assetId;
  }

  /** Steps 6 to 14. A target that cannot be reached leaves the stream published, and re-sync to go on. */
  *#replicate({ assetId, name }: PublishedStream, locator: StreamLocator): Steps<PublishResult> {
    const { run, source, patience } = this.#input;
    const target = otherDataCenter(source);
    const part = `${this.#context.df.instanceId}:replicate`;
    this.#context.df.setCustomStatus(statusOf('replicateAsset', 0, { part }));
    const input: ReplicateAssetInput = { run, source, assetId, name, patience, ...locator };
    const outcome = yield* this.#cancellation.orCancel<Replica>(
      this.#context.df.callSubOrchestrator('replicateAsset', input, part),
    );
    const common = { streamId: run.streamId, source, locatorId: locator.locatorId };
    const here = source === 'a' ? { a: locator.urls } : { b: locator.urls };
    if (outcome.ok) {
      const { urls, compared } = outcome.value;
      const there = target === 'a' ? { a: urls } : { b: urls };
      return { ...common, protected: true, urls: { ...here, ...there }, compared };
    }
    if (!outcome.error.retriable) throw errorOf(outcome.error);
    return { ...common, protected: false, urls: here, problem: outcome.error };
  }

  /** On every way out: no SAS locator is left on the input, and no output that is not published. */
  *#tidyUp(): Steps<void> {
    const { run, source } = this.#input;
    if (this.#inputAssetId !== undefined) {
      yield* tryTo(this.#context, 'deleteSasLocators', { run, side: source, assetId: this.#inputAssetId });
    }
    if (this.#jobId !== undefined && this.#published === undefined) {
      yield* tryTo(this.#context, 'cancelJob', { run, side: source, jobId: this.#jobId });
      yield* tryTo(this.#context, 'discardOutput', { run, side: source, jobId: this.#jobId });
    }
  }

  /** An outage of the source does not throw away what has been encoded. */
  get #encodingPatience(): number {
    const { encoding, source } = this.#input.patience;
    return encoding ?? source;
  }

  #step(step: Parameters<typeof statusOf>[0]): void {
    this.#context.df.setCustomStatus(statusOf(step));
  }
}
