import { z } from 'zod';
import { listStreams } from '../activities/list-streams.ts';
import { readStream, type StreamState } from '../activities/read-stream.ts';
import { dataCenterKeys, type DataCenterKey } from '../streams/data-center.ts';
import { describeDifference } from '../streams/comparison.ts';
import type { Failure } from '../streams/errors.ts';
import type { SideState } from '../streams/side-state.ts';
import { operationIdOf, type StreamId } from '../streams/stream-id.ts';
import { streamingUrls } from '../streams/streaming-urls.ts';
import type { Application } from './application.ts';
import { RequestError } from './problems.ts';
import { checked } from './request-body.ts';
import { json, registerRoute, type Call } from './routes.ts';
import { streamIdSchema, type streamListSchema, type streamSchema } from './schemas.ts';

const pageSchema = z.object({
  after: streamIdSchema.optional(),
  limit: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be 1 to 1000')
    .max(1000, 'must be 1 to 1000')
    .default(100),
});

/** The stream that a route names. */
export function streamIdOf({ request }: Call): StreamId {
  return checked(z.object({ streamId: streamIdSchema }), request.params).streamId;
}

/** @throws RequestError 404 */
export async function existingStream(
  { dependencies }: Application,
  streamId: StreamId,
): Promise<StreamState> {
  const state = await readStream(dependencies, streamId);
  if (state !== undefined) return state;
  const claim = await dependencies.claims.read(streamId);
  if (claim === undefined) throw new RequestError(404, 'stream-missing', `There is no stream ${streamId}.`);
  const operationId = operationIdOf(streamId, claim.runId);
  throw new RequestError(
    404,
    'stream-missing',
    `The stream ${streamId} is not published; its latest run is the operation ${operationId}.`,
    { operationId },
  );
}

/** `GET /api/streams` and `GET /api/streams/{id}`. */
export function registerStreams(application: Application): void {
  const { dependencies } = application;
  registerRoute('httpListStreams', async ({ request }) => {
    const { after, limit } = checked(pageSchema, Object.fromEntries(request.query));
    const { streams, next, problems } = await listStreams(dependencies, { after, limit });
    const side = (key: DataCenterKey): ListedSide => {
      const { [key]: problem } = problems;
      return problem === undefined ? { reachable: true } : unreachable(problem);
    };
    const page: z.input<typeof streamListSchema> = {
      streams: [...streams],
      sides: { a: side('a'), b: side('b') },
      ...(next === undefined ? {} : { next }),
    };
    return json(200, page);
  });
  registerRoute('httpReadStream', async (call) => {
    const streamId = streamIdOf(call);
    const state = await existingStream(application, streamId);
    const claim = await dependencies.claims.read(streamId);
    const described = dataCenterKeys.flatMap((key) => {
      const { [key]: problem } = state.problems;
      const { [key]: side } = state.sides;
      if (problem !== undefined) return [[key, unreachable(problem)] as const];
      return side === undefined ? [] : [[key, describe(side)] as const];
    });
    const stream: z.input<typeof streamSchema> = {
      streamId,
      source: state.source,
      protected: state.comparison.equal,
      sides: Object.fromEntries(described),
      // What cannot be asked is not known to differ.
      differences:
        Object.keys(state.problems).length > 0 ? [] : state.comparison.differences.map(describeDifference),
      ...(claim === undefined ? {} : { operationId: operationIdOf(streamId, claim.runId) }),
    };
    return json(200, stream);
  });
}

function unreachable(problem: Failure): UnreachableSide {
  return { reachable: false, problem };
}

function describe({ assetId, name, files, primaryFile, locator }: SideState): SideDescription {
  return {
    reachable: true,
    assetId,
    revision: name.revision,
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    ...(locator === undefined ? {} : { locatorId: locator.id, expires: locator.expires }),
    ...(locator === undefined || primaryFile === undefined
      ? {}
      : { urls: streamingUrls(locator.path, primaryFile) }),
  };
}

type SideDescription = NonNullable<z.input<typeof streamSchema>['sides']['a']>;
type ListedSide = z.input<typeof streamListSchema>['sides']['a'];
type UnreachableSide = Extract<SideDescription, { reachable: false }>;
