import { z } from 'zod';
import { json, registerRoute } from './routes.ts';
import * as schemas from './schemas.ts';

interface Described {
  readonly path: string;
  readonly method: 'get' | 'post';
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly query?: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<number, z.ZodType>>;
  readonly open?: boolean;
}

const operations: readonly Described[] = [
  {
    path: '/api/streams',
    method: 'post',
    summary: 'Publish a video as a stream; the same request again answers with the run there is',
    body: schemas.submitSchema,
    answers: { 202: schemas.startedSchema },
  },
  {
    path: '/api/streams',
    method: 'get',
    summary: 'The streams, page by page',
    query: { after: 'The `next` of the page before', limit: 'Streams a page, 1 to 1000; 100 when absent' },
    answers: { 200: schemas.streamListSchema },
  },
  {
    path: '/api/streams/{streamId}',
    method: 'get',
    summary: 'A stream as both data centers have it',
    answers: { 200: schemas.streamSchema },
  },
  {
    path: '/api/streams/{streamId}/replicate',
    method: 'post',
    summary: 'Replicate a published stream, or repair its replica',
    body: schemas.nothingSchema,
    answers: { 202: schemas.startedSchema },
  },
  {
    path: '/api/streams/{streamId}/verify',
    method: 'post',
    summary: "Compare a stream's two sides",
    body: schemas.verifySchema,
    answers: { 202: schemas.startedSchema },
  },
  {
    path: '/api/uploads',
    method: 'post',
    summary: 'Make an empty input asset, and a URL to upload a file to',
    body: schemas.uploadSchema,
    answers: { 201: schemas.uploadAnswerSchema },
  },
  {
    path: '/api/resync',
    method: 'post',
    summary: 'Look at every stream, and replicate what is not protected',
    body: schemas.resyncSchema,
    answers: { 202: schemas.startedSchema },
  },
  {
    path: '/api/operations/{operationId}',
    method: 'get',
    summary: 'A run: how far it is, what came of it',
    answers: { 200: schemas.operationSchema },
  },
  {
    path: '/api/operations/{operationId}/cancel',
    method: 'post',
    summary: 'Ask a run to stop; it cleans up, then ends as canceled',
    answers: { 202: schemas.startedSchema },
  },
  {
    path: '/api/health',
    method: 'get',
    summary: 'Whether the app answers and its own storage does',
    answers: { 200: z.object({ status: z.literal('healthy') }) },
    open: true,
  },
];

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): unknown {
  const named = Object.entries(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
  return Object.fromEntries(named.filter(([key]) => key !== '$schema' && !key.startsWith('~')));
}

function content(schema: z.ZodType, io: 'input' | 'output', type = 'application/json'): object {
  return { content: { [type]: { schema: jsonSchema(schema, io) } } };
}

function describe({ path, summary, body, query = {}, answers, open = false }: Described): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: 'query',
    description,
    schema: { type: 'string' },
  }));
  const succeeded = Object.entries(answers).map(
    ([status, schema]) =>
      [status, { description: schema.description ?? summary, ...content(schema, 'output') }] as const,
  );
  return {
    summary,
    ...(open ? { security: [] } : {}),
    ...(inPath.length + inQuery.length === 0 ? {} : { parameters: [...inPath, ...inQuery] }),
    ...(body === undefined ? {} : { requestBody: content(body, 'input') }),
    responses: {
      ...Object.fromEntries(succeeded),
      default: {
        description: 'Why it failed',
        ...content(schemas.problemSchema, 'output', 'application/problem+json'),
      },
    },
  };
}

/** The HTTP API in the words of OpenAPI 3.1, made from the schemas that requests are checked with. */
export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    (paths[operation.path] ??= {})[operation.method] = describe(operation);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Failover streaming', version: '1' },
    security: [{ header: [] }, { query: [] }],
    paths,
    components: {
      securitySchemes: {
        header: { type: 'apiKey', in: 'header', name: 'x-functions-key' },
        query: { type: 'apiKey', in: 'query', name: 'code' },
      },
    },
  };
}

/** `GET /api/openapi.json`. */
export function registerOpenApi(): void {
  registerRoute({
    name: 'httpOpenApi',
    method: 'GET',
    route: 'openapi.json',
    handler: () => Promise.resolve(json(200, openApi())),
  });
}
