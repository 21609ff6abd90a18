import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { TwoDataCenters } from '../two-data-centers.ts';
import { FunctionApp } from './function-app.ts';

/** As many as host.json lets steps run at once, and one more. */
const many = 33;

/** Many inputs come from a server that gives one byte now and then. */
describe('while many inputs come in slowly', () => {
  let both: TwoDataCenters;
  let app: FunctionApp;
  let slow: Server;
  const asked = new Set<string>();
  const operations: string[] = [];

  beforeAll(async () => {
    both = await TwoDataCenters.start();
    await both.startFixtureEncoder('a');
    app = await FunctionApp.start({ ...both.workflowSettings(), ALLOW_PRIVATE_INPUT_URLS: 'true' });
    slow = createServer((request, response) => {
      asked.add(request.url ?? '');
      response.writeHead(200, { 'content-length': 100_000_000 });
      const timer = setInterval(() => response.write('.'), 1000);
      response.on('close', () => clearInterval(timer));
    }).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const { port } = slow.address() as AddressInfo;
    const submitted = Array.from({ length: many }, async (_, count) => {
      const input = { url: `http://127.0.0.1:${port}/${count}.mp4` };
      const { status, json } = await app.call('POST', '/api/streams', { streamId: `slow-${count}`, input });
      expect(status).toBe(202);
      return String(json['operationId']);
    });
    operations.push(...(await Promise.all(submitted)));
  }, 240_000);
  afterAll(async () => {
    slow.closeAllConnections();
    slow.close();
    await app.kill();
    await both.close();
  });

  const stepOf = async (operation: string): Promise<unknown> =>
    (await app.call('GET', `/api/operations/${operation}`)).json['step'];

  it('publishes another stream, and takes no more than a few in at once', async () => {
    const assetId = await both.upload('a', { 'film.mp4': 'a video' });
    await vi.waitUntil(() => asked.size >= 4, { timeout: 60_000 });
    const { json } = await app.call('POST', '/api/streams', { streamId: 'quick', input: { assetId } });
    expect(await app.follow(json['operationId'])).toMatchObject({
      status: 'succeeded',
      result: { protected: true },
    });
    const steps = await Promise.all(operations.map(stepOf));
    expect(steps).toContain('waitToTakeIn');
    expect(asked.size).toBeLessThan(many);
  }, 180_000);

  it('cancels one that is taken in, and one that waits, within seconds', async () => {
    const taken = operations[Number(/\d+/.exec([...asked][0]!)![0])]!;
    let waiting: string | undefined;
    for (const operation of operations) {
      if ((await stepOf(operation)) === 'waitToTakeIn') waiting = operation;
    }
    for (const operation of [taken, waiting]) {
      expect((await app.call('POST', `/api/operations/${operation!}/cancel`)).status).toBe(202);
    }
    const begun = performance.now();
    for (const operation of [taken, waiting]) {
      expect(await app.follow(operation)).toMatchObject({ status: 'canceled' });
    }
    // Two seconds until it is seen, or five until it asks again, and what a busy machine adds.
    expect(performance.now() - begun).toBeLessThan(40_000);
  }, 120_000);
});
