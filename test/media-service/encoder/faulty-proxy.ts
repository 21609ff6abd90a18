import { once } from 'node:events';
import { createServer, request as forward, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to a request: it passes, is answered with a status, or its answer is cut off after some bytes. */
export type Fault = 'pass' | { readonly status: number } | { readonly cutAfter: number };

export interface FaultyProxy {
  /** Storage's connection string, by way of the proxy. */
  readonly connectionString: string;
  /** Decides about each request; replace it at any time. */
  decide: (request: IncomingMessage) => Fault;
  close(): Promise<void>;
}

/** Stands between the encoder and storage and breaks what it is told to break. */
export async function startFaultyProxy(connectionString: string): Promise<FaultyProxy> {
  const blobEndpoint = new URL(/BlobEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? '');
  const server = createServer((request, response) => {
    const fault = proxy.decide(request);
    if (fault !== 'pass' && 'status' in fault) {
      request.resume();
      response.writeHead(fault.status, { 'x-ms-error-code': 'InternalError' }).end();
      return;
    }
    const upstream = forward(
      {
        host: blobEndpoint.hostname,
        port: blobEndpoint.port,
        method: request.method,
        path: request.url,
        headers: request.headers,
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        if (fault === 'pass') {
          answer.pipe(response);
          return;
        }
        let sent = 0;
        answer.on('data', (chunk: Buffer) => {
          const part = chunk.subarray(0, Math.max(0, fault.cutAfter - sent));
          sent += part.length;
          response.write(part, () => {
            if (sent >= fault.cutAfter) response.destroy();
          });
        });
        answer.on('end', () => response.end());
      },
    );
    upstream.on('error', () => response.destroy());
    response.on('close', () => upstream.destroy());
    request.pipe(upstream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy: FaultyProxy = {
    connectionString: connectionString.replace(
      blobEndpoint.href.replace(/\/$/, ''),
      `http://127.0.0.1:${port}${blobEndpoint.pathname}`.replace(/\/$/, ''),
    ),
    decide: () => 'pass',
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
