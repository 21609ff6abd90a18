import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ContractApp, contract, type RunningHost } from './functions-host.ts';
import { sendTooMuch } from './oversized-body.ts';

const contents = `
  import { app } from '@azure/functions';
  app.setup({ enableHttpStream: true });
  app.http('echo', {
    route: 'echo/{id}', methods: ['POST'],
    handler: (request) => ({
      status: 203, headers: { 'x-id': request.params.id, 'x-query': request.query.get('q') }, body: request.body,
    }),
  });
  app.http('count', {
    methods: ['POST'],
    handler: async (request) => {
      let size = 0;
      for await (const chunk of request.body) size += chunk.length;
      return { jsonBody: { size } };
    },
  });
  app.http('fails', { methods: ['GET'], handler: () => { throw new Error('as asked'); } });
  app.http('nothing', { methods: ['GET'], handler: () => undefined });
  app.http('breaks', {
    methods: ['GET'],
    handler: () => ({ body: new ReadableStream({
      start(controller) {
        controller.enqueue(Buffer.from('begun'));
        setTimeout(() => controller.error(new Error('broken')), 50);
      },
    }) }),
  });
`;

contract('streamed HTTP', (kind) => {
  let app: ContractApp;
  let host: RunningHost;
  beforeAll(async () => {
    app = await ContractApp.create({ contents });
    host = await app.start(`streamed${kind}`, { kind });
  });
  afterAll(() => app.close());

  it('answers while the request still comes in', async () => {
    const sent = request(`${host.url}/api/echo/7?q=a%20b`, { method: 'POST' });
    sent.write('first');
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(203);
    expect(response.headers).toMatchObject({ 'x-id': '7', 'x-query': 'a b' });
    const received: string[] = [];
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      received.push(chunk);
      if (received.length === 1) sent.end('second');
    }
    expect(received).toEqual(['first', 'second']);
  });

  it('carries a body larger than it holds', async () => {
    const size = 64 * 2 ** 20;
    const response = await fetch(`${host.url}/api/count`, { method: 'POST', body: Buffer.alloc(size) });
    expect(await response.json()).toEqual({ size });
  });

  it('answers 500 to a function that throws, and 204 to one that returns nothing', async () => {
    expect((await fetch(`${host.url}/api/fails`)).status).toBe(500);
    expect((await fetch(`${host.url}/api/nothing`)).status).toBe(204);
  });

  it('cuts the connection when the body breaks off, and goes on', async () => {
    const response = await fetch(`${host.url}/api/breaks`);
    await expect(response.text()).rejects.toThrow();
    expect((await fetch(`${host.url}/api/nothing`)).status).toBe(204);
  });

  it.runIf(kind === 'local').each(['Content-Length: 2000000', 'Transfer-Encoding: chunked'])(
    'refuses a body over the limit (%s) and hears its sender out',
    async (header) => {
      const settings = { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '1000' };
      const strict = await app.start('strict', { settings });
      const answer = await sendTooMuch(`${strict.url}/api/count`, header);
      expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*The body is larger than 1000 bytes\.$/);
      await strict.kill('SIGKILL');
    },
  );

  it('lets a client go away', async () => {
    const sent = request(`${host.url}/api/echo/1`, { method: 'POST' });
    sent.on('error', () => undefined);
    sent.write('first');
    await once(sent, 'response');
    sent.destroy();
    await delay(10);
    expect((await fetch(`${host.url}/api/nothing`)).status).toBe(204);
  });
});
