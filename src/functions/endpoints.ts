import type { HttpMethod } from '@azure/functions';
import { z } from 'zod';
import * as schemas from './schemas.ts';

/** An endpoint of the HTTP API: what its function is registered by, its requests are checked with, and OpenAPI tells. */
export interface Endpoint {
  readonly method: Extract<HttpMethod, 'GET' | 'POST'>;
  /** Behind `/api/`. */
  readonly route: string;
  readonly summary: string;
  /** Absent: it takes no body. */
  readonly body?: z.ZodType;
  /** What each parameter of the query is. */
  readonly query?: Readonly<Record<string, string>>;
  /** By status. */
  readonly answers: Readonly<Record<number, z.ZodType>>;
  /** It asks for no key. */
  readonly open?: boolean;
}

/** The whole HTTP API, by the names of its functions: no two functions of an app may share one. */
export const endpoints = {
  httpSubmitStream: {
    method: 'POST',
    route: 'streams',
    summary: 'Publish a video as a stream; the same request again answers with the run there is',
    body: schemas.submitSchema,
    answers: { 202: schemas.startedSchema },
  },
  httpListStreams: {
    method: 'GET',
    route: 'streams',
    summary: 'The streams, page by page',
    query: { after: 'The `next` of the page before', limit: 'Streams a page, 1 to 1000; 100 when absent' },
    answers: { 200: schemas.streamListSchema },
  },
  httpReadStream: {
    method: 'GET',
    route: 'streams/{streamId}',
    summary: 'A stream as both data centers have it',
    answers: { 200: schemas.streamSchema },
  },
  httpReplicateStream: {
    method: 'POST',
    route: 'streams/{streamId}/replicate',
    summary: 'Replicate a published stream, or repair its replica',
    body: schemas.nothingSchema,
    answers: { 202: schemas.startedSchema },
  },
  httpVerifyStream: {
    method: 'POST',
    route: 'streams/{streamId}/verify',
    summary: "Compare a stream's two sides",
    body: schemas.verifySchema,
    answers: { 202: schemas.startedSchema },
  },
  httpCreateUpload: {
    method: 'POST',
    route: 'uploads',
    summary: 'Make an empty input asset, and a URL to upload a file to',
    body: schemas.uploadSchema,
    answers: { 201: schemas.uploadAnswerSchema },
  },
  httpResync: {
    method: 'POST',
    route: 'resync',
    summary: 'Look at every stream, and replicate what is not protected',
    body: schemas.resyncSchema,
    answers: { 202: schemas.startedSchema },
  },
  httpReadOperation: {
    method: 'GET',
    route: 'operations/{operationId}',
    summary: 'A run: how far it is, what came of it',
    answers: { 200: schemas.operationSchema },
  },
  httpCancelOperation: {
    method: 'POST',
    route: 'operations/{operationId}/cancel',
    summary: 'Ask a run to stop; it cleans up, then ends as canceled',
    answers: { 202: schemas.startedSchema },
  },
  httpHealth: {
    method: 'GET',
    route: 'health',
    summary: 'Whether the app answers and its own storage does',
    answers: { 200: z.object({ status: z.literal('healthy') }) },
    open: true,
  },
  httpOpenApi: {
    method: 'GET',
    route: 'openapi.json',
    summary: 'This description',
    answers: { 200: z.looseObject({ openapi: z.literal('3.1.0') }) },
  },
} as const satisfies Readonly<Record<string, Endpoint>>;

export type EndpointName = keyof typeof endpoints;

/** A request's body once it is checked. */
export type BodyOf<Name extends EndpointName> = (typeof endpoints)[Name] extends {
  readonly body: infer Schema extends z.ZodType;
}
  ? z.output<Schema>
  : undefined;
