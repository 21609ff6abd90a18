import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DataCenterKey } from '../../streams/data-center.ts';
import type { Telemetry } from '../../telemetry.ts';
import { inTurn } from '../../transport/in-turn.ts';
import type { EdgeStatus } from '../../web/edge-status.ts';
import { FailureMemory } from './failure-memory.ts';
import { Forwarder } from './forward.ts';
import { via } from './headers.ts';
import { Journal } from './journal.ts';
import { Origin } from './origin.ts';
import type { Pages } from './pages.ts';
import { ProbeSamples } from './probe-samples.ts';
import { answerProblem } from './problem.ts';
import type { OnStateChange, Routing } from './routing.ts';
import { edgeStatus } from './status.ts';
import type { Timings } from './timings.ts';

export interface EdgeOptions {
  /** Base URLs of the streaming endpoints, in order of priority. */
  readonly origins: Readonly<Record<DataCenterKey, URL>>;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly timings: Timings;
  /** Path of a data center's content health check. */
  readonly probePath: string;
  /** Undefined: no pages, streams only. */
  readonly pages: Pages | undefined;
  readonly telemetry: Telemetry;
}

export interface Edge {
  /** Without a slash at its end. */
  readonly url: string;
  status(): EdgeStatus;
  /** Takes no more requests, lets the running ones end for a moment, then closes every connection. */
  close(): Promise<void>;
}

/**
 * Only published streams are for viewers: the REST API and the token endpoint that a media service has at the same
 * address stay behind the edge.
 */
const streamPath = /^\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\//i;

/** A connection on which nothing moves, in either direction, for this long is closed (a viewer that never reads). */
const idleConnection = 120_000;

const closingPatience = 1000;

/** What viewers talk to: one address in front of both data centers' streaming endpoints. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const { timings, telemetry } = options;
  const origins = [new Origin('a', options.origins.a), new Origin('b', options.origins.b)];
  const journal = new Journal(telemetry);
  const routing = startRouting(origins, options);
  const forwarder = new Forwarder(routing, timings, journal);
  const status = (): EdgeStatus => edgeStatus(origins, routing, timings, journal);

  const handle = (request: IncomingMessage, answer: ServerResponse): void => {
    request.resume();
    const problem = refusal(request);
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    if (problem !== undefined) answerProblem(answer, problem);
    else if (streamPath.test(path)) void forwarder.forward(request, answer);
    else if (path === '/edge/status') answerStatus(answer, status());
    else if (options.pages?.answer(path, request, answer) !== true) {
      answerProblem(answer, { status: 404, code: 'no-such-page', title: 'There is nothing at this path' });
    }
  };
  const server = createServer(inTurn(handle));
  server.timeout = idleConnection;
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { address, family, port } = server.address() as AddressInfo;

  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    status,
    async close() {
      const closed = once(server, 'close');
      server.close();
      const force = setTimeout(() => server.closeAllConnections(), closingPatience);
      await closed;
      clearTimeout(force);
      routing.close();
      for (const origin of origins) origin.close();
    },
  };
}

function startRouting(origins: readonly Origin[], options: EdgeOptions): Routing {
  const { telemetry, timings, probePath } = options;
  const changed: OnStateChange = (origin, state, failure) => {
    const facts = { dataCenter: origin.key, state, reason: failure?.code, detail: failure?.message };
    if (state === 'resting') telemetry.problem('EdgeDataCenterState', facts);
    else telemetry.event('EdgeDataCenterState', facts);
  };
  return timings.health.kind === 'failure-memory'
    ? new FailureMemory(origins, timings.health, probePath, changed)
    : new ProbeSamples(origins, timings.health, probePath, changed);
}

function refusal(request: IncomingMessage): Parameters<typeof answerProblem>[1] | undefined {
  if (!['GET', 'HEAD', 'OPTIONS'].includes(request.method ?? '')) {
    return {
      status: 405,
      code: 'method-not-allowed',
      title: 'Viewers only read',
      headers: { Allow: 'GET, HEAD, OPTIONS' },
    };
  }
  if (request.headers.via?.includes(via) === true) {
    return { status: 508, code: 'loop', title: 'This edge is its own origin' };
  }
  return undefined;
}

function answerStatus(answer: ServerResponse, status: EdgeStatus): void {
  const body = JSON.stringify(status);
  answer.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  answer.end(body);
}
