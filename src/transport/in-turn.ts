import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that wait behind the one being answered; no client that reads its answers is so far ahead. */
const mostWaiting = 16;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Answers a connection's requests one after the other (RFC 9112, 9.3.2), and ends a connection whose client sends too
 * far ahead. Node hands over at once all that was sent ahead: a thousand requests in a few packets would each read and
 * hold their whole answer, and would not learn that the client has gone, as only the first one has the connection.
 */
export function inTurn(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): (request: IncomingMessage, response: ServerResponse) => void {
  /** Connections with a request that is being answered, and what waits behind it. */
  const busy = new WeakMap<Socket, Exchange[]>();

  function begin(socket: Socket, waiting: Exchange[], { request, response }: Exchange): void {
    response.once('close', () => {
      const next = waiting.shift();
      if (next === undefined) busy.delete(socket);
      else if (!socket.destroyed) begin(socket, waiting, next);
    });
    answer(request, response);
  }

  return (request, response) => {
    const { socket } = request;
    const waiting = busy.get(socket);
    if (waiting === undefined) {
      const none: Exchange[] = [];
      busy.set(socket, none);
      begin(socket, none, { request, response });
    } else if (waiting.length < mostWaiting) {
      waiting.push({ request, response });
    } else {
      socket.destroy();
    }
  };
}
