import { usableInput, withdrawUpload } from '../activities/inspect-input.ts';
import type { Command } from '../activities/claiming.ts';
import { checkInputUrl } from '../activities/input-address.ts';
import { publishedAsset, replicaKnownAt } from '../activities/published-asset.ts';
import { toFailure } from '../activities/failures.ts';
import type { ResyncInput } from '../orchestrations/resync.ts';
import type { PublishStreamInput } from '../orchestrations/publish-stream.ts';
import { otherDataCenter, type DataCenterKey } from '../streams/data-center.ts';
import type { Failure } from '../streams/errors.ts';
import { requestHash } from '../streams/request-hash.ts';
import type { PublishResult, ReplicateStreamInput, VerifyStreamInput } from '../streams/operation.ts';
import { allStreams, type StreamId } from '../streams/stream-id.ts';
import type { z } from 'zod';
import { patienceOf, type Application } from './application.ts';
import { RequestError, requestErrorOf } from './problems.ts';
import { registerRoute } from './routes.ts';
import type { submitSchema } from './schemas.ts';
import { answerWithRun } from './start-run.ts';
import { existingStream, streamIdOf } from './streams.ts';

/** The commands that begin a run. */
export function registerCommands(application: Application): void {
  const { config, dependencies } = application;
  const { claims } = dependencies;
  registerRoute('httpSubmitStream', ({ body, client }) =>
    answerWithRun(claims, client, submission(application, body)),
  );
  registerRoute('httpReplicateStream', async (call) => {
    const streamId = streamIdOf(call);
    const { source } = await existingStream(application, streamId);
    refuseForeign(application, source);
    return answerWithRun(claims, call.client, {
      subject: streamId,
      kind: 'replicate',
      requestHash: requestHash({ replicate: streamId }),
      inputFor: ({ runId }): ReplicateStreamInput => ({
        run: { streamId, runId },
        source,
        patience: patienceOf(config),
      }),
    });
  });
  registerRoute('httpVerifyStream', async (call) => {
    const streamId = streamIdOf(call);
    const { level = config.verify } = call.body;
    const { source } = await existingStream(application, streamId);
    return answerWithRun(claims, call.client, {
      subject: streamId,
      kind: 'verify',
      requestHash: requestHash({ verify: streamId, level }),
      inputFor: ({ runId }): VerifyStreamInput => ({
        run: { streamId, runId },
        source,
        level,
        patience: patienceOf(config),
      }),
    });
  });
  registerRoute('httpResync', ({ body, client }) =>
    answerWithRun(claims, client, resyncCommand(application, body.mode)),
  );
}

/** A re-sync of all streams of the home data center; one at a time. */
export function resyncCommand({ config }: Application, mode = config.resync.mode): Command {
  const level = config.verify;
  const input: ResyncInput = { source: config.home, mode, level, patience: patienceOf(config) };
  return {
    subject: allStreams,
    kind: 'resync',
    requestHash: requestHash({ resync: mode, level }),
    inputFor: () => input,
  };
}

function refuseForeign({ config }: Application, source: DataCenterKey): void {
  if (source === config.home) return;
  throw new RequestError(
    409,
    'not-home',
    `The home of this app is data center ${config.home}: streams with the source ${source} are changed by the app of ${source}.`,
  );
}

function submission(application: Application, request: z.output<typeof submitSchema>): Command {
  const { config, dependencies } = application;
  const { streamId, input, source = config.home, preset = 'Adaptive Streaming' } = request;
  refuseForeign(application, source);
  if (input.url !== undefined) refuseAddress(input.url, config.allowPrivateInputUrls);
  const hash = requestHash({ source, input, preset });
  return {
    subject: streamId,
    kind: 'publish',
    requestHash: hash,
    ...(input.url === undefined ? {} : { inputUrl: input.url }),
    inputFor: ({ runId, resumes }): PublishStreamInput => ({
      run: { streamId, runId },
      source,
      input: input.assetId === undefined ? { url: 'in the claim' } : { assetId: input.assetId },
      requestHash: hash,
      preset,
      patience: patienceOf(config),
      resumes,
    }),
    stillGood: (output) => isStillPublished(application, source, streamId, output as PublishResult),
    refusal: async (held) => {
      const { glance: media, name } = dependencies.dataCenters[source];
      try {
        const [published, replica] = await Promise.all([
          publishedAsset(media, streamId),
          replicaKnownAt(dependencies.dataCenters[otherDataCenter(source)], streamId),
        ]);
        if (published !== undefined || replica !== undefined) {
          return held?.publishHash === hash ? undefined : alreadyPublished(streamId);
        }
        if (input.assetId !== undefined) await usableInput(media, input.assetId, name);
        return undefined;
      } catch (error) {
        const failure = toFailure(error);
        // A source that cannot be asked now is waited for by the run.
        if (failure.retriable) return undefined;
        // As well as can be: the URL expires by itself.
        if (input.assetId !== undefined && failure.code !== 'stream-exists')
          await withdrawUpload(media, input.assetId).catch(() => undefined);
        return failure;
      }
    },
  };
}

function refuseAddress(url: string, allowPrivate: boolean): void {
  try {
    checkInputUrl(new URL(url), allowPrivate);
  } catch (error) {
    throw requestErrorOf(toFailure(error));
  }
}

function alreadyPublished(streamId: StreamId): Failure {
  const message = `The stream ${streamId} is published already, from another input: choose another id.`;
  return { code: 'stream-exists', message, retriable: false };
}

/** Whether the stream is still what a finished run made of it. */
async function isStillPublished(
  { dependencies }: Application,
  source: DataCenterKey,
  streamId: StreamId,
  result: PublishResult,
): Promise<boolean> {
  const { glance: media } = dependencies.dataCenters[source];
  try {
    const published = await publishedAsset(media, streamId);
    const locator = await media.locator(result.locatorId);
    return published !== undefined && locator?.AssetId === published.asset.Id;
  } catch (error) {
    // A source that cannot be asked now is taken at its word.
    if (toFailure(error).retriable) return true;
    throw error;
  }
}
