import { once } from 'node:events';
import { connect } from 'node:net';
import { eventually } from './orchestrations.ts';

/**
 * Posts 2 MB, most of it after the answer has come: who sends on over a connection that is reset may not get to see
 * the answer.
 * @param header how the body's length is told
 * @returns the answer
 * @throws Error when the connection is reset
 */
export async function sendTooMuch(url: string, header: string): Promise<string> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => (received += text));
  const bytes = Buffer.alloc(100_000);
  const isChunked = header.endsWith('chunked');
  const part = isChunked
    ? Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
    : bytes;
  let broken: Error | undefined;
  socket.on('error', (error) => (broken = error));
  const send = (what: string | Buffer): Promise<void> =>
    new Promise((done, failed) => {
      socket.write(what, (error) => (error ? failed(error) : done()));
    });
  await send(`POST ${pathname} HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
  await send(part);
  await eventually('the answer', () => Promise.resolve(received.includes('bytes.')));
  for (let sent = 1; sent < 20; sent++) await send(part);
  if (isChunked) await send('0\r\n\r\n');
  if (!socket.closed) await new Promise((closed) => socket.once('close', closed));
  if (broken !== undefined) throw broken;
  return received;
}
