import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMediaServices, type MediaServicesConfig } from '../../src/media-services-client/client.ts';
import type { MediaServices } from '../../src/media-services-client/media-services.ts';

export interface RecordedRequest {
  readonly method: string;
  /** Decoded, with the query: `/api/Assets('nb:cid:UUID:…')`. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RecordedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as it is when it is a string. */
  readonly body?: unknown;
  /** The connection breaks instead, or never answers. */
  readonly fault?: 'cut' | 'hang';
}

type Script = (request: RecordedRequest) => RecordedAnswer | undefined | Promise<RecordedAnswer | undefined>;

export interface RecordedService {
  readonly url: string;
  /** Every request but those for tokens and for the base URL. */
  readonly calls: RecordedRequest[];
  readonly tokenRequests: RecordedRequest[];
  readonly baseRequests: RecordedRequest[];
  /** Milliseconds that the client has waited before each retry. */
  readonly waits: number[];
  /** What the clock of the client says; a wait moves it on. */
  clock: { now: number };
  /** Answers the next requests; what it leaves undefined gets the default answer, 404 for entities. */
  answer(script: Script): void;
  answerTokens(script: Script): void;
  answerBase(script: Script): void;
  client(change?: Partial<MediaServicesConfig>): MediaServices;
  close(): Promise<void>;
}

export const clientSecret = 'the-client-secret';

/** A service that answers what a test has recorded, with the real one's token endpoint and base URL around it. */
export async function startRecordedService(): Promise<RecordedService> {
  let [script, tokens, base]: Script[] = [() => undefined, () => undefined, () => undefined];
  let issued = 0;
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (bytes: Buffer) => chunks.push(bytes));
    incoming.on('end', () => {
      const path = decodeURIComponent(incoming.url ?? '');
      const { method = '', headers } = incoming;
      const request = { method, path, headers, body: Buffer.concat(chunks).toString() };
      void (async () => {
        const send = async (to: RecordedRequest[], by: Script, standard: RecordedAnswer): Promise<void> => {
          to.push(request);
          const answer = (await by(request)) ?? standard;
          if (answer.fault === 'cut') outgoing.destroy();
          if (answer.fault !== undefined) return;
          outgoing.writeHead(answer.status ?? 200, answer.headers);
          outgoing.end(
            answer.body === undefined || typeof answer.body === 'string'
              ? answer.body
              : JSON.stringify(answer.body),
          );
        };
        if (path === '/tenant/oauth2/token') {
          issued += 1;
          const body = { token_type: 'Bearer', access_token: `token-${issued}`, expires_in: '3599' };
          await send(service.tokenRequests, tokens!, { body });
        } else if (/^\/[^/]+\/$/.test(path)) {
          await send(service.baseRequests, base!, { body: { value: [] } });
        } else {
          await send(service.calls, script!, { status: 404 });
        }
      })();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const service: RecordedService = {
    url,
    calls: [],
    tokenRequests: [],
    baseRequests: [],
    waits: [],
    clock: { now: Date.now() },
    answer: (given) => (script = given),
    answerTokens: (given) => (tokens = given),
    answerBase: (given) => (base = given),
    client: (change = {}) =>
      createMediaServices({
        mediaApi: `${url}/api/`,
        tokenUrl: `${url}/tenant/oauth2/token`,
        credentials: {
          tenantId: undefined,
          clientId: 'the-client',
          clientSecret,
          resource: 'https://rest.media.azure.net',
        },
        random: () => 0.5,
        clock: {
          now: () => service.clock.now,
          sleep: (milliseconds, signal) => {
            if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
            service.waits.push(milliseconds);
            service.clock.now += milliseconds;
            return Promise.resolve();
          },
        },
        ...change,
      }),
    async close() {
      server.closeAllConnections();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
  return service;
}

/** The first answers in turn, the last one ever after. */
export function inTurn(...answers: (RecordedAnswer | undefined)[]): Script {
  let next = 0;
  return () => answers[Math.min(next++, answers.length - 1)];
}
