import { randomUUID } from 'node:crypto';
import { request as sendRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { AppFunction } from '../app/function-app.ts';
import type { Invocation, InvocationOutcome } from '../app/invoker.ts';
import { answer, BodyTooLargeError, headersOf, type Exchange } from './exchange.ts';

const hopByHop = ['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'te', 'trailer'];

/**
 * HTTP with streaming (`app.setup({ enableHttpStream: true })`): the app listens at an address of its own
 * (capability HttpUri) and the host passes each request on to it, naming the invocation it belongs to.
 */
export class StreamedHttp {
  readonly #port: number;
  readonly #bodyLimit: number;
  readonly #invoke: (called: AppFunction, invocation: Invocation) => Promise<InvocationOutcome>;

  constructor(options: {
    address: string;
    bodyLimit: number;
    invoke: (called: AppFunction, invocation: Invocation) => Promise<InvocationOutcome>;
  }) {
    this.#port = Number(new URL(options.address).port);
    this.#bodyLimit = options.bodyLimit;
    this.#invoke = options.invoke;
  }

  /** @throws what the function throws, when nothing has been answered yet */
  async call(called: AppFunction, parameters: Record<string, string>, exchange: Exchange): Promise<void> {
    const invocationId = randomUUID();
    const { upstream, answered } = this.#passOn(invocationId, exchange);
    exchange.response.on('close', () => upstream.destroy());
    const headers = { json: JSON.stringify(headersOf(exchange.request)) };
    const named = Object.entries(parameters).map(([name, value]) => [name, { string: value }] as const);
    try {
      const invoked = this.#invoke(called, {
        invocationId,
        input: {},
        triggerMetadata: { ...Object.fromEntries(named), Headers: headers },
      }).then(({ result }) => {
        if (result !== undefined && result !== null) return;
        upstream.destroy();
        answer(exchange.response, 204);
      });
      // The body flows on after the function has returned; a function that throws ends it.
      await Promise.all([invoked, Promise.race([answered, invoked.then(() => answered)])]);
    } catch (error) {
      upstream.destroy();
      if (!exchange.response.writableEnded) throw error;
    }
  }

  #passOn(
    invocationId: string,
    { request, response, url }: Exchange,
  ): { upstream: ClientRequest; answered: Promise<void> } {
    const upstream = sendRequest({
      host: '127.0.0.1',
      port: this.#port,
      method: request.method,
      path: `${url.pathname}${url.search}`,
      agent: false,
      headers: {
        ...Object.fromEntries(Object.entries(request.headers).filter(([name]) => !hopByHop.includes(name))),
        'x-ms-invocation-id': invocationId,
        'x-forwarded-host': url.host,
        'x-forwarded-proto': 'http',
      },
    });
    const answered = new Promise<void>((resolve, reject) => {
      upstream.on('response', (from: IncomingMessage) => {
        const headers = Object.entries(from.headers).filter(
          ([name]) => !hopByHop.includes(name) && name !== 'x-ms-invocation-id',
        );
        response.writeHead(from.statusCode ?? 200, Object.fromEntries(headers));
        response.flushHeaders();
        pipeline(from, response).then(resolve, reject);
      });
      upstream.on('error', reject);
      // Nothing is left to answer once the client has gone or has been answered otherwise.
      response.on('close', resolve);
      // Not a pipeline: it would close the request that is too large, which is still to be answered.
      request.pipe(this.#limited().on('error', reject)).pipe(upstream);
    });
    return { upstream, answered };
  }

  #limited(): Transform {
    let size = 0;
    const bodyLimit = this.#bodyLimit;
    return new Transform({
      transform(chunk: Buffer, _, done) {
        size += chunk.length;
        if (size > bodyLimit) done(new BodyTooLargeError(bodyLimit));
        else done(null, chunk);
      },
    });
  }
}
