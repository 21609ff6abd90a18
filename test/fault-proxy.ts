import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as it came to the proxy. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The request line and `Range`, without the query's secrets: what a failed expectation may print. */
  readonly summary: string;
}

/** What happens to a request instead of being passed on. */
export type Fault =
  /** Answered by the proxy; the service never sees it. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** The connection ends before anything is passed on. */
  | { readonly kind: 'refuse' }
  /** The service does its work; its answer is lost. */
  | { readonly kind: 'lose answer' }
  /** The answer's body is cut after so many bytes. */
  | { readonly kind: 'cut'; readonly after: number }
  /** No answer ever (`after` absent), or a body that stands still after so many bytes. */
  | { readonly kind: 'hang'; readonly after?: number };

export interface FaultProxy {
  /** `127.0.0.1:port`, to stand in for the service's. */
  readonly host: string;
  /** Every request so far. */
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

/**
 * A proxy in front of an HTTP service that lets things go wrong. `decide` sees every request in the order they come,
 * and may itself await something before it answers: a fault, or undefined to pass the request on.
 */
export async function startFaultProxy(
  service: string,
  decide: (request: SeenRequest) => Fault | undefined | Promise<Fault | undefined>,
): Promise<FaultProxy> {
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, outgoing) => {
    const request = asSeen(incoming);
    seen.push(request);
    void (async () => {
      const fault = await decide(request);
      if (fault?.kind === 'answer') {
        incoming.resume();
        outgoing.writeHead(fault.status, fault.headers).end(fault.body);
      } else if (fault?.kind === 'refuse') {
        outgoing.destroy();
      } else if (fault?.kind !== 'hang' || fault.after !== undefined) {
        passOn(service, incoming, outgoing, fault);
      }
    })();
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function asSeen(incoming: IncomingMessage): SeenRequest {
  const { method = '', url = '', headers } = incoming;
  const range = headers['x-ms-range'] ?? headers.range;
  return {
    method,
    url,
    headers: headers as SeenRequest['headers'],
    summary: [method, url.split('?')[0], range].filter((part) => part !== undefined).join(' '),
  };
}

function passOn(
  service: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: Extract<Fault, { kind: 'lose answer' | 'cut' | 'hang' }> | undefined,
): void {
  const target = new URL(service);
  const upstream = forward(
    {
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers: { ...incoming.headers, host: target.host },
    },
    (answer) => {
      if (fault?.kind === 'lose answer') {
        answer.resume().once('end', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (fault === undefined) {
        answer.pipe(outgoing);
        return;
      }
      let left = fault.after ?? 0;
      answer.on('data', (bytes: Buffer) => {
        if (left > 0) outgoing.write(bytes.subarray(0, left));
        left -= bytes.length;
        if (left > 0) return;
        answer.removeAllListeners('data').resume();
        // What was written is to arrive before the end does.
        if (fault.kind === 'cut') setImmediate(() => outgoing.destroy());
      });
      if (fault.after === 0) outgoing.flushHeaders();
    },
  );
  upstream.once('error', () => outgoing.destroy());
  outgoing.once('close', () => upstream.destroy());
  incoming.pipe(upstream);
}
