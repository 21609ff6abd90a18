import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { originOf, toFailure } from '../activities/failures.ts';
import { withLog } from '../telemetry.ts';
import { endpoints, type BodyOf, type Endpoint, type EndpointName } from './endpoints.ts';
import { problemResponse, RequestError, requestErrorOf } from './problems.ts';
import { readBody } from './request-body.ts';

export interface Call<Body = unknown> {
  readonly request: HttpRequest;
  readonly client: df.DurableClient;
  /** As it was checked with the endpoint's schema. */
  readonly body: Body;
}

export interface Answer extends HttpResponseInit {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Registers the function of an endpoint; whatever it throws is answered as problem+json. */
export function registerRoute<Name extends EndpointName>(
  name: Name,
  handler: (call: Call<BodyOf<Name>>) => Promise<Answer>,
): void {
  const { method, route, open = false, body: schema }: Endpoint = endpoints[name];
  df.app.client.http(name, {
    methods: [method],
    authLevel: open ? 'anonymous' : 'function',
    route,
    handler: (request, client, context) =>
      withLog(invocationLog(context), async () => {
        try {
          const body = schema === undefined ? undefined : await readBody(request, schema);
          const answer = await handler({ request, client, body: body as BodyOf<Name> });
          return { ...answer, headers: { 'cache-control': 'no-store', ...answer.headers } };
        } catch (error) {
          return problemResponse(told(error, context));
        }
      }),
  });
}

/** What the caller is told; a fault of the program is in the log only. */
function told(error: unknown, context: InvocationContext): RequestError {
  if (error instanceof RequestError) return error;
  const failure = toFailure(error);
  if (failure.code !== 'internal') return requestErrorOf(failure);
  context.error(
    JSON.stringify({ event: 'RequestFailed', message: failure.message, origin: originOf(error) }),
  );
  return new RequestError(500, 'internal', 'A fault of this program; its log says more.');
}

/** Lines go to the log of the invocation they belong to. */
export function invocationLog(context: InvocationContext) {
  return (level: 'info' | 'error', line: string): void => {
    if (level === 'error') context.error(line);
    else context.log(line);
  };
}

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
