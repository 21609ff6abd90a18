/**
 * A data center's streaming endpoint as a process of its own: the real origin handler over a folder, so that a test can
 * kill it and freeze it. Bodies may be slowed down to be there in the middle of one.
 *
 *   node streaming-endpoint.mjs FOLDER [MILLISECONDS A BODY TAKES]
 *
 * Tells where it listens on its first line, then a line for each fragment that is half sent: `{"half":"/…"}`.
 */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOrigin } from '../../src/media-service/origin/origin.ts';
import { FolderContent, locatorGuid } from '../media-service/origin/folder-content.ts';

const [folder = '', slow = '0'] = process.argv.slice(2);
const pieces = 10;

/** Makes `end` and `write` of a response send their bytes in pieces, some time apart. */
function slowDown(response: ServerResponse, path: string, milliseconds: number): void {
  const held: Buffer[] = [];
  const write = response.write.bind(response) as (bytes: Buffer) => boolean;
  const end = response.end.bind(response) as () => void;
  response.write = (bytes: Buffer) => held.push(bytes) > 0;
  response.end = (last?: unknown) => {
    if (last instanceof Buffer) held.push(last);
    response.uncork();
    void sendSlowly(Buffer.concat(held));
    return response;
  };
  async function sendSlowly(body: Buffer): Promise<void> {
    for (let piece = 0; piece < pieces; piece++) {
      write(
        body.subarray(
          Math.floor((piece * body.length) / pieces),
          Math.floor(((piece + 1) * body.length) / pieces),
        ),
      );
      if (piece === pieces / 2) process.stdout.write(`${JSON.stringify({ half: path })}\n`);
      await new Promise((resolve) => setTimeout(resolve, milliseconds / pieces));
    }
    end();
  }
}

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const origin = createOrigin(new FolderContent(folder), {
  indexCacheBytes: 10_000_000,
  fragmentCacheBytes: 10_000_000,
  log,
});
const server = createServer((request, response) => {
  const path = request.url ?? '/';
  if (path === '/health/content') {
    void origin.probe(locatorGuid).then(() => response.end());
    return;
  }
  if (Number(slow) > 0 && path.includes('Fragments(')) slowDown(response, path, Number(slow));
  void origin.handle(request, response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
process.stdout.write(`${JSON.stringify({ listening: `http://127.0.0.1:${port}` })}\n`);
process.on('SIGTERM', () => process.exit(0));
