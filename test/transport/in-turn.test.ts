import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { inTurn } from '../../src/transport/in-turn.ts';

let server: Server;
let client: Socket;
/** Requests that were begun and not answered. */
let begun: { readonly path: string; readonly response: ServerResponse }[];
let received: string;

/** A server that answers when it is told, and a client that has sent so many requests at once. */
async function sentAhead(count: number): Promise<void> {
  begun = [];
  received = '';
  const answer = ({ url = '' }: IncomingMessage, response: ServerResponse): void => {
    begun.push({ path: url, response });
  };
  server = createServer(inTurn(answer)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.setEncoding('latin1').on('data', (text: string) => (received += text));
  client.on('error', () => undefined);
  const requests = Array.from({ length: count }, (_, number) => `GET /${number} HTTP/1.1\r\nHost: x\r\n\r\n`);
  client.write(requests.join(''));
  await vi.waitFor(() => expect(begun.length + Number(client.closed)).toBeGreaterThan(0));
}

afterEach(async () => {
  client.destroy();
  server.close();
  await once(server, 'close');
});

describe('requests that a client sends before it has read the answers', () => {
  it('begin when the one before them is answered, in their order', async () => {
    await sentAhead(5);
    for (let number = 0; number < 5; number += 1) {
      await vi.waitFor(() => expect(begun).toHaveLength(number + 1));
      expect(begun[number]?.path).toBe(`/${number}`);
      begun[number]?.response.end(`answer ${number};`);
    }
    await vi.waitFor(() => expect(received).toContain('answer 4;'));
    expect(received.match(/answer \d/g)).toEqual(begun.map((_, number) => `answer ${number}`));
    // The connection serves on.
    client.write('GET /again HTTP/1.1\r\nHost: x\r\n\r\n');
    await vi.waitFor(() => expect(begun.at(-1)?.path).toBe('/again'));
  });

  it('are not begun once the client has gone, and the one that was learns it', async () => {
    await sentAhead(5);
    const [first] = begun;
    const gone = once(first!.response, 'close');
    client.destroy();
    await gone;
    expect(begun).toHaveLength(1);
  });

  it('end the connection when they are too many', async () => {
    await sentAhead(100);
    await vi.waitFor(() => expect(client.closed).toBe(true));
    expect(begun.length).toBeLessThanOrEqual(1);
  });
});
