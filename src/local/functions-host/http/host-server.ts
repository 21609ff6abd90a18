import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { inTurn } from '../../../transport/in-turn.ts';
import { messageOf } from '../../../message-of.ts';
import { answer, answerFailure, exchangeOf, limitLingering, type Exchange } from './exchange.ts';

/** Milliseconds; Node's own. */
const headersTimeout = 60_000;

/** An HTTP server on 127.0.0.1 whose requests one function answers. */
export class HostServer {
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** @throws Error when the port is taken */
  static async listen(
    port: number,
    { serve, log }: { serve: (exchange: Exchange) => Promise<void>; log: Logger },
  ): Promise<HostServer> {
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      response.on('error', () => response.destroy());
      limitLingering(request, response);
      const exchange = exchangeOf(request, response);
      if (exchange === undefined) {
        answer(response, 400);
        return;
      }
      serve(exchange).catch((error: unknown) => {
        log.error({ path: exchange.url.pathname, error: messageOf(error) }, 'A request failed');
        answerFailure(exchange, error);
      });
    };
    // A large upload may take longer than Node's five minutes. No limit there would be none for the headers, either.
    const server = createServer({ requestTimeout: 0, headersTimeout }, inTurn(handle));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    return new HostServer(server);
  }

  /** Takes no more requests; those that run get so many milliseconds. */
  async close(patience: number): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), patience);
    await closed;
    clearTimeout(timer);
  }
}
