import { AnonymousCredential, BlockBlobClient, newPipeline } from '@azure/storage-blob';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { survivingEarlyAnswers } from '../../src/transport/early-answers.ts';

const refusals = 20;

test('a service that refuses a block before it has read it, and closes, fails the request and not the process', async () => {
  let closed = 0;
  const server = createServer((request, response) => {
    request.socket.once('close', () => (closed += 1));
    response.once('finish', () => setImmediate(() => request.socket.resetAndDestroy()));
    response.writeHead(503, { 'Content-Length': 0, 'x-ms-error-code': 'ServerBusy' }).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const blob = new BlockBlobClient(
    `http://127.0.0.1:${port}/account/container/blob`,
    survivingEarlyAnswers(newPipeline(new AnonymousCredential(), { retryOptions: { maxTries: 1 } })),
  );
  const block = Buffer.alloc(8 * 2 ** 20);
  for (let request = 0; request < refusals; request += 1) {
    await expect(blob.stageBlock('AAAA', block, block.length)).rejects.toThrow();
  }
  // An error of a connection that nobody hears would fail the run of the tests.
  server.close();
  await once(server, 'close');
  expect(closed).toBe(refusals);
});
