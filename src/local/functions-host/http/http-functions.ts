import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { messageOf } from '../../../message-of.ts';
import type { HttpData } from '../app/core-types.ts';
import type { AppFunction } from '../app/function-app.ts';
import type { Invocation, InvocationOutcome } from '../app/invoker.ts';
import { keyOfRequest, opensFunction, type AccessKeys, type AuthLevel } from './access-keys.ts';
import { setCookieHeader } from './cookies.ts';
import { answer, answerFailure, headersOf, readBody, type Exchange } from './exchange.ts';
import { RouteTemplate } from './route-template.ts';
import type { StreamedHttp } from './streamed-http.ts';

interface Route {
  readonly called: AppFunction<'httptrigger'>;
  readonly template: RouteTemplate;
  readonly methods: readonly string[];
  readonly level: AuthLevel;
}

export interface HttpFunctionsOptions {
  readonly functions: readonly AppFunction<'httptrigger'>[];
  readonly routePrefix: string;
  readonly keys: AccessKeys;
  /** Bytes of a request's body. */
  readonly bodyLimit: number;
  /** Present when the app has switched HTTP streaming on. */
  readonly streamed: StreamedHttp | undefined;
  readonly invoke: (called: AppFunction, invocation: Invocation) => Promise<InvocationOutcome>;
  readonly log: Logger;
}

/** The HTTP-triggered functions behind their routes. */
export class HttpFunctions {
  readonly #options: HttpFunctionsOptions;
  readonly #routes: readonly Route[];

  /** @throws FunctionAppError when a route cannot be understood */
  constructor(options: HttpFunctionsOptions) {
    this.#options = options;
    this.#routes = options.functions
      .map((called) => routeOf(called, options.routePrefix))
      .sort((a, b) => RouteTemplate.compare(a.template, b.template));
  }

  /** `POST /api/streams/{id}`, one for each function. */
  get addresses(): readonly string[] {
    return this.#routes.map(
      ({ called, template, methods }) => `${called.name}: ${methods.join(',')} /${template.text}`,
    );
  }

  /** Answers the request when it is a function's; false: it is nobody's here. */
  async serve(exchange: Exchange): Promise<boolean> {
    const method = exchange.request.method ?? 'GET';
    for (const route of this.#routes) {
      if (!route.methods.includes(method)) continue;
      const parameters = route.template.match(exchange.path);
      if (parameters === undefined) continue;
      await this.#call(route, parameters, exchange);
      return true;
    }
    return false;
  }

  async #call(route: Route, parameters: Record<string, string>, exchange: Exchange): Promise<void> {
    const { keys, streamed, log } = this.#options;
    const { name } = route.called;
    if (
      !opensFunction(
        keys,
        { level: route.level, name },
        keyOfRequest(exchange.request, exchange.url.searchParams),
      )
    ) {
      answer(exchange.response, 401);
      return;
    }
    try {
      if (streamed === undefined) await this.#callBuffered(route.called, parameters, exchange);
      else await streamed.call(route.called, parameters, exchange);
    } catch (error) {
      log.error({ function: name, error: messageOf(error) }, 'An HTTP function failed');
      answerFailure(exchange, error);
    }
  }

  async #callBuffered(
    called: AppFunction,
    parameters: Record<string, string>,
    { request, response, url }: Exchange,
  ): Promise<void> {
    const body = await readBody(request, this.#options.bodyLimit);
    const http: HttpData = {
      method: request.method ?? 'GET',
      url: url.href,
      headers: headersOf(request),
      params: parameters,
      ...(body.length > 0 ? { body: { bytes: body } } : {}),
    };
    const traceParent = request.headers['traceparent'];
    const outcome = await this.#options.invoke(called, {
      invocationId: randomUUID(),
      input: { http },
      traceParent: typeof traceParent === 'string' ? traceParent : undefined,
    });
    const returned = outcome.response.returnValue?.http;
    if (returned === undefined || returned === null) {
      answer(response, 204);
      return;
    }
    const status = Number(returned.statusCode ?? 200);
    const bytes = returned.body?.bytes ?? new Uint8Array();
    const hasBody = request.method !== 'HEAD' && status !== 204 && status !== 304;
    response.writeHead(status, {
      ...returned.headers,
      ...(returned.cookies?.length ? { 'set-cookie': returned.cookies.map(setCookieHeader) } : {}),
      ...(hasBody ? { 'content-length': bytes.byteLength } : {}),
    });
    response.end(hasBody ? bytes : undefined);
  }
}

function routeOf(called: AppFunction<'httptrigger'>, prefix: string): Route {
  const { route, methods, authLevel } = called.trigger;
  const own = typeof route === 'string' ? route : called.name;
  const given = Array.isArray(methods) ? methods.map((method) => String(method).toUpperCase()) : [];
  return {
    called,
    template: new RouteTemplate(prefix === '' ? own : `${prefix}/${own.replace(/^\//, '')}`),
    methods: given.length > 0 ? given : ['GET', 'POST'],
    level: authLevelOf(authLevel),
  };
}

/** An unknown level opens nothing but to the master key. */
function authLevelOf(written: unknown): AuthLevel {
  const level = typeof written === 'string' ? written.toLowerCase() : 'function';
  return level === 'anonymous' || level === 'function' ? level : 'admin';
}
