import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EdgeBetween, fragment, quick } from './edge-between.ts';

let on: EdgeBetween;
beforeEach(async () => {
  on = await EdgeBetween.start();
});
afterEach(() => on.stop());

describe('a request that A fails is answered by B', () => {
  it('serves from A while A is well, and says so in a header that scripts may read', async () => {
    const got = await on.get(fragment);
    on.expectWhole(got, 'a');
    expect(got.headers['access-control-expose-headers']).toBe('ETag, X-Data-Center, X-Request-Id');
    expect(on.b.seen).toHaveLength(0);
  });

  it('goes to B when A refuses the connection', async () => {
    await on.a.stop();
    on.expectWhole(await on.get(fragment), 'b');
  });

  it('goes to B when A takes the connection and never answers', async () => {
    on.a.behaviour = { kind: 'silent' };
    on.expectWhole(await on.get(fragment), 'b');
    await vi.waitFor(() => expect(on.a.seen[0]?.aborted).toBe(true));
  });

  it.each([500, 502, 503])('goes to B when A answers %i', async (status) => {
    on.a.behaviour = { kind: 'status', status };
    on.expectWhole(await on.get(fragment), 'b');
  });

  it('goes to B when A does not speak HTTP', async () => {
    on.a.behaviour = { kind: 'not-http' };
    on.expectWhole(await on.get(fragment), 'b');
  });

  it('logs each failover with its reason and no query', async () => {
    on.a.behaviour = { kind: 'status', status: 503 };
    await on.get(`${fragment}?token=secret`);
    expect(on.logged.find(({ name }) => name === 'EdgeFailedOver')?.properties).toMatchObject({
      from: 'a',
      to: 'b',
      reason: 'server-error',
      path: fragment,
    });
    expect(JSON.stringify([on.logged, on.edge.status()])).not.toContain('secret');
  });

  it('tells in its status, which anyone may read, of no stream and of no address', async () => {
    on.a.behaviour = { kind: 'status', status: 503 };
    const { headers } = await on.get(fragment);
    const { body } = await on.get('/edge/status');
    expect(JSON.parse(body.toString())).toMatchObject({
      dataCenters: { a: { lastFailure: { kind: 'server-error' } } },
      failovers: [{ requestId: headers['x-request-id'], from: 'a', to: 'b', reason: 'server-error' }],
    });
    const [locator = 'none', name = 'none'] = fragment.split('/').slice(1);
    for (const hidden of [locator, name, 'Fragments', '127.0.0.1']) {
      expect(body.toString()).not.toContain(hidden);
    }
  });

  it('answers HEAD and OPTIONS from B as well', async () => {
    await on.a.stop();
    const head = await on.get(fragment, {}, 'HEAD');
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '300000', 0]);
    expect((await on.get(fragment, {}, 'OPTIONS')).headers['x-data-center']).toBe('b');
  });

  it('passes a 4xx on: it is an answer', async () => {
    on.a.behaviour = { kind: 'status', status: 403 };
    expect((await on.get(fragment)).status).toBe(403);
    expect(on.b.seen).toHaveLength(0);
    expect(on.edge.status().preferred).toBe('a');
  });
});

describe('both data centers down', () => {
  it('answers 503 that nothing stores, says why, and asks to come back soon', async () => {
    await on.a.stop();
    on.b.behaviour = { kind: 'status', status: 500 };
    const got = await on.get(fragment);
    expect(got.status).toBe(503);
    expect(got.headers).toMatchObject({
      'cache-control': 'no-store',
      'retry-after': '2',
      'access-control-allow-origin': '*',
      'content-type': 'application/problem+json',
    });
    expect(JSON.parse(got.body.toString())).toMatchObject({
      code: 'no-data-center',
      detail: 'a: ECONNREFUSED; b: answered 500',
    });
  });

  it('still asks a resting data center when nothing else is left: its health check may be wrong', async () => {
    on.a.health = 503;
    on.a.behaviour = { kind: 'stall', after: 10 };
    await on.get(fragment);
    await on.becomes('resting');
    on.a.behaviour = { kind: 'well' };
    await on.b.stop();
    on.expectWhole(await on.get(fragment), 'a');
  });
});

describe('a stream that A does not have', () => {
  it('comes from B when B has it: after an outage a new stream may be there only', async () => {
    on.a.missing.add(fragment);
    on.expectWhole(await on.get(fragment), 'b');
    expect(on.edge.status().preferred).toBe('a');
    expect(on.edge.status().failovers).toEqual([]);
  });

  it("is A's own 404 when B does not have it either, or fails", async () => {
    on.a.missing.add(fragment);
    on.b.missing.add(fragment);
    const got = await on.get(fragment);
    expect([got.status, got.headers['x-data-center'], got.body.toString()]).toEqual([404, 'a', 'not here']);
    on.b.behaviour = { kind: 'silent' };
    expect((await on.get(fragment)).headers).toMatchObject({
      'x-data-center': 'a',
      'x-origin-says': 'missing',
    });
  });
});

describe('a viewer that sends many requests ahead and goes', () => {
  it('leaves none of them behind', async () => {
    await on.restart({ ...quick, headersLimit: 60_000 });
    on.a.behaviour = { kind: 'silent' };
    const viewer = connect(Number(new URL(on.edge.url).port), '127.0.0.1');
    viewer.write(`GET ${fragment} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(10));
    await vi.waitFor(() => expect(on.a.seen).toHaveLength(1));
    viewer.destroy();
    await vi.waitFor(() => expect(on.a.seen.map(({ aborted }) => aborted)).toEqual([true]));
  });
});
