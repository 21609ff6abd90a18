import { z } from 'zod';
import { dataCenterKeys, type DataCenterKey } from '../streams/data-center.ts';

const sideUrls = z.object({ smooth: z.string(), hls: z.string(), dash: z.string() });
export type SideUrls = z.infer<typeof sideUrls>;

const started = z.object({ operationId: z.string(), streamId: z.string(), status: z.string() });
export type Started = z.infer<typeof started>;

const upload = z.object({
  assetId: z.string(),
  dataCenter: z.enum(dataCenterKeys),
  /** Holds a SAS: a secret. */
  uploadUrl: z.string(),
});
export type Upload = z.infer<typeof upload>;

const failure = z.object({ code: z.string(), message: z.string(), retriable: z.boolean().optional() });
export type OperationFailure = z.infer<typeof failure>;

const result = z.looseObject({
  streamId: z.string(),
  locatorId: z.string().optional(),
  protected: z.boolean().optional(),
  urls: z.partialRecord(z.enum(dataCenterKeys), sideUrls).optional(),
  compared: z.unknown().optional(),
  /** Why it is not protected. */
  problem: failure.nullish(),
});
/** What a run that succeeded answers; more than is named here is passed on as it is. */
export type OperationResult = z.infer<typeof result>;

const operation = z.object({
  operationId: z.string(),
  streamId: z.string().optional(),
  kind: z.string(),
  status: z.enum(['running', 'succeeded', 'failed', 'canceled']),
  step: z.string().nullish(),
  percent: z.number().nullish(),
  bytes: z.object({ done: z.number(), total: z.number() }).nullish(),
  createdAt: z.string(),
  updatedAt: z.string(),
  result: result.nullish(),
  error: failure.nullish(),
});
export type Operation = z.infer<typeof operation>;

const unreachableSide = z.object({ reachable: z.literal(false), problem: failure });
const sideState = z.looseObject({
  reachable: z.literal(true),
  files: z.number(),
  bytes: z.number(),
  locatorId: z.string().optional(),
  urls: sideUrls.optional(),
});
const stream = z.looseObject({
  streamId: z.string(),
  source: z.enum(dataCenterKeys),
  protected: z.boolean(),
  /** A side is absent when it has nothing of the stream. */
  sides: z.partialRecord(
    z.enum(dataCenterKeys),
    z.discriminatedUnion('reachable', [sideState, unreachableSide]),
  ),
  differences: z.array(z.string()),
  /** The latest run. */
  operationId: z.string().optional(),
});
/** A stream as both data centers have it. */
export type Stream = z.infer<typeof stream>;

const streamPage = z.object({
  streams: z.array(
    z.looseObject({
      streamId: z.string(),
      source: z.enum(dataCenterKeys),
      revision: z.number(),
      created: z.string(),
    }),
  ),
  sides: z.record(
    z.enum(dataCenterKeys),
    z.discriminatedUnion('reachable', [z.object({ reachable: z.literal(true) }), unreachableSide]),
  ),
  next: z.string().optional(),
});
export type StreamPage = z.infer<typeof streamPage>;
export type ListedStream = StreamPage['streams'][number];

/** What there is of a stream. */
export interface StreamLook {
  /** Undefined while it is not published. */
  readonly stream?: Stream;
  /** Its latest run, also before it is published. */
  readonly operationId?: string | undefined;
}

const problem = z.looseObject({
  code: z.string().optional(),
  title: z.string().optional(),
  detail: z.string().optional(),
  operationId: z.string().optional(),
});

/** The HTTP API refused a request. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** The problem's stable code, or `http-{status}`. */
  readonly code: string;
  /** The run that the refusal is about. */
  readonly operationId: string | undefined;

  constructor(status: number, code: string, message: string, operationId?: string) {
    super(message);
    this.status = status;
    this.code = code;
    this.operationId = operationId;
  }
}

/** Nothing answers at the HTTP API's address, or what answers is something else. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly code = 'unreachable';
}

export interface StreamRequest {
  readonly streamId: string;
  readonly source?: DataCenterKey;
  readonly preset?: string;
  readonly input: { readonly assetId: string } | { readonly url: string };
}

export interface ApiConnection {
  /** Base URL of the Function App, without a slash at its end. */
  readonly url: string;
  /** A function key; it goes in a header, never in a URL. */
  readonly key: string | undefined;
}

/** The workflow's HTTP API. Everything throws ApiError or UnreachableError. */
export interface FailoverApi {
  readonly url: string;
  createUpload(fileName: string, dataCenter?: DataCenterKey): Promise<Upload>;
  /** The same request again answers with the run there is. */
  submit(request: StreamRequest): Promise<Started>;
  /** Undefined when there is none. */
  operation(id: string): Promise<Operation | undefined>;
  stream(id: string): Promise<StreamLook>;
  /** Every stream, page by page. */
  streamPages(): AsyncIterable<StreamPage>;
}

/** @param signal ends what is being asked; its reason is thrown */
export function failoverApi({ url, key }: ApiConnection, signal?: AbortSignal): FailoverApi {
  async function exchange(
    target: string,
    request: RequestInit,
  ): Promise<{ response: Response; text: string }> {
    const limit = AbortSignal.timeout(60_000);
    const response = await fetch(target, {
      ...request,
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    });
    return { response, text: await response.text() };
  }

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { response, text } = await exchange(`${url}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'x-functions-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw new UnreachableError(`Nothing answers at ${url} (${reasonOf(error)}).`);
    });
    if (response.ok) return jsonOf(text);
    if (response.status === 401 || response.status === 403) {
      throw new ApiError(response.status, 'unauthorized', `${url} does not accept the function key.`);
    }
    const { code, title, detail, operationId } = problem.safeParse(jsonOf(text)).data ?? {};
    throw new ApiError(
      response.status,
      code ?? `http-${response.status}`,
      detail ?? title ?? `${method} ${path} answered ${response.status}.`,
      operationId,
    );
  }

  function read<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.infer<Schema> {
    const { data, error } = schema.safeParse(answer);
    if (error === undefined) return data;
    throw new UnreachableError(`What answers at ${url} is not this project's HTTP API.`, { cause: error });
  }

  return {
    url,
    createUpload: async (fileName, dataCenter) =>
      read(upload, await call('POST', '/api/uploads', { fileName, dataCenter })),
    submit: async (request) => read(started, await call('POST', '/api/streams', request)),
    operation: (id) =>
      orUndefined(async () =>
        read(operation, await call('GET', `/api/operations/${encodeURIComponent(id)}`)),
      ),
    async stream(id) {
      try {
        const found = read(stream, await call('GET', `/api/streams/${encodeURIComponent(id)}`));
        return { stream: found, operationId: found.operationId };
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return { operationId: error.operationId };
        throw error;
      }
    },
    async *streamPages() {
      let after = '';
      do {
        const query = after === '' ? '' : `?after=${encodeURIComponent(after)}`;
        const page = read(streamPage, await call('GET', `/api/streams${query}`));
        yield page;
        after = page.next ?? '';
      } while (after !== '');
    },
  };
}

async function orUndefined<Value>(request: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}
