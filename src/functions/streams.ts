import { requestHash } from '../streams/input-hash.ts';
import type { Side } from '../streams/data-center.ts';
import type { PublishStreamInput } from '../orchestrations/publish-stream.ts';
import type { PublishResult } from '../streams/operation.ts';
import type { StreamId } from '../streams/stream-id.ts';
import { publishedAsset } from '../activities/published-asset.ts';
import type { Command } from '../activities/claiming.ts';
import { patienceOf, type Application } from './application.ts';
import { RequestError } from './problems.ts';
import { readBody } from './request-body.ts';
import { registerRoute } from './routes.ts';
import { submitSchema } from './schemas.ts';
import { startRun } from './start-run.ts';

/** `POST /api/streams`. */
export function registerSubmit(application: Application): void {
  const { config, dependencies } = application;
  registerRoute({
    name: 'httpSubmitStream',
    method: 'POST',
    route: 'streams',
    handler: async ({ request, client }) => {
      const {
        streamId,
        source = config.home,
        input,
        preset = 'Adaptive Streaming',
      } = await readBody(request, submitSchema);
      if (source !== config.home) {
        throw new RequestError(
          409,
          'not-home',
          `This app's home is data center ${config.home}: submit streams with the source ${source} to the app of ${source}.`,
        );
      }
      const hash = requestHash({ source, input, preset });
      const command: Command = {
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
          const published = await publishedAsset(dependencies.dataCenters[source].media, streamId);
          if (published === undefined || held?.publishHash === hash) return undefined;
          return {
            code: 'stream-exists',
            message: `The stream ${streamId} is published already, from another input: choose another id.`,
            retriable: false,
          };
        },
      };
      return startRun(dependencies.claims, client, 'publishStream', command);
    },
  });
}

/** Whether the stream is still what a finished run made of it. A source that cannot be asked is taken at its word. */
async function isStillPublished(
  { dependencies }: Application,
  source: Side,
  streamId: StreamId,
  result: PublishResult,
): Promise<boolean> {
  const { media } = dependencies.dataCenters[source];
  const published = await publishedAsset(media, streamId);
  const locator = await media.locator(result.locatorId);
  return published !== undefined && locator?.AssetId === published.asset.Id;
}
