import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEdge, type Edge } from '../../../src/local/edge/edge.ts';
import { fast, type FailureMemoryTimings, type Timings } from '../../../src/local/edge/timings.ts';
import type { EventProperties } from '../../../src/telemetry.ts';
import { UnsteadyOrigin } from './unsteady-origin.ts';

const stream = '/3f2504e0-4f89-11d3-9a0c-0305e82c3301/hello.ism';
const fragment = `${stream}/QualityLevels(1500000)/Fragments(video=0,format=mpd-time-cmaf)`;

/** As the real ones, shorter: what is measured in these tests are decisions, not seconds. */
const health = {
  ...(fast.health as FailureMemoryTimings),
  restFirst: 100,
  restLongest: 400,
  probeSpacing: 20,
};
const quick: Timings = { ...fast, headersLimit: 400, stallLimit: 400, health };

let a: UnsteadyOrigin;
let b: UnsteadyOrigin;
let edge: Edge;
let logged: { name: string; properties: EventProperties; at: number }[];

async function startWith(timings: Timings): Promise<Edge> {
  const record = (name: string, properties: EventProperties): void => {
    logged.push({ name, properties, at: performance.now() });
  };
  return startEdge({
    origins: { a: a.url, b: b.url },
    host: '127.0.0.1',
    port: 0,
    timings,
    probePath: '/health/content',
    pages: undefined,
    telemetry: { event: record, problem: record, flush: async () => undefined },
  });
}

interface Got {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** The error that ended the body. */
  readonly brokeOff: string | undefined;
}

/** A plain client: unlike `fetch` it shows every header, and how much of a body came before it broke off. */
async function get(path: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<Got> {
  const request = http.request(`${edge.url}${path}`, { method, headers, agent: false });
  // An error after the headers is the body's as well, where it is looked at.
  request.on('error', () => undefined);
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  let brokeOff: string | undefined;
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    brokeOff = (error as Error).message;
  }
  const { statusCode: status = 0, headers: received } = response;
  return { status, headers: received, body: Buffer.concat(chunks), brokeOff };
}

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

function expectWhole(got: Got, from: 'a' | 'b'): void {
  expect(got.brokeOff).toBeUndefined();
  expect(got.status).toBe(200);
  expect(got.headers['x-data-center']).toBe(from);
  expect(md5(got.body)).toBe(md5(b.content(fragment)));
}

const becomes = (expected: string): Promise<void> =>
  vi.waitFor(() => expect(edge.status().dataCenters['a']?.state).toBe(expected), {
    timeout: 10_000,
    interval: 5,
  });

beforeEach(async () => {
  logged = [];
  a = await new UnsteadyOrigin().start();
  b = await new UnsteadyOrigin().start();
  edge = await startWith(quick);
});

afterEach(async () => {
  await edge.close();
  await Promise.all([a.stop(), b.stop()].map((stopped) => stopped.catch(() => undefined)));
});

describe('a request that A fails is answered by B', () => {
  it('serves from A while A is well, and says so in a header that scripts may read', async () => {
    const got = await get(fragment);
    expectWhole(got, 'a');
    expect(got.headers['access-control-expose-headers']).toBe('ETag, x-data-center, x-request-id');
    expect(b.seen).toHaveLength(0);
  });

  it('goes to B when A refuses the connection', async () => {
    await a.stop();
    expectWhole(await get(fragment), 'b');
  });

  it('goes to B when A takes the connection and never answers', async () => {
    a.behaviour = { kind: 'silent' };
    expectWhole(await get(fragment), 'b');
    await vi.waitFor(() => expect(a.seen[0]?.aborted).toBe(true));
  });

  it.each([500, 502, 503])('goes to B when A answers %i', async (status) => {
    a.behaviour = { kind: 'status', status };
    expectWhole(await get(fragment), 'b');
  });

  it('goes to B when A does not speak HTTP', async () => {
    a.behaviour = { kind: 'not-http' };
    expectWhole(await get(fragment), 'b');
  });

  it('logs each failover with its reason and no query', async () => {
    a.behaviour = { kind: 'status', status: 503 };
    await get(`${fragment}?token=secret`);
    expect(logged.find(({ name }) => name === 'EdgeFailedOver')?.properties).toMatchObject({
      from: 'a',
      to: 'b',
      reason: 'server-error',
      path: fragment,
    });
    expect(JSON.stringify([logged, edge.status()])).not.toContain('secret');
  });

  it('answers HEAD and OPTIONS from B as well', async () => {
    await a.stop();
    const head = await get(fragment, {}, 'HEAD');
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '300000', 0]);
    expect((await get(fragment, {}, 'OPTIONS')).headers['x-data-center']).toBe('b');
  });

  it('passes a 4xx on: it is an answer', async () => {
    a.behaviour = { kind: 'status', status: 403 };
    expect((await get(fragment)).status).toBe(403);
    expect(b.seen).toHaveLength(0);
    expect(edge.status().preferred).toBe('a');
  });
});

describe('a body that breaks off goes on from B at the same byte', () => {
  it.each([0, 1, 65_536, 299_999])('when A hangs after %i bytes', async (after) => {
    a.behaviour = { kind: 'stall', after };
    expectWhole(await get(fragment), 'a');
    expect(b.seen[0]?.headers).toMatchObject({ range: `bytes=${after}-299999` });
    expect(b.seen[0]?.headers['if-match']).toMatch(/^"[0-9a-f]{32}"$/);
    expect(edge.status().failovers.at(-1)).toMatchObject({ from: 'a', to: 'b', atByte: after });
  });

  it.each([0, 100_000, 299_999])('when A is cut off after %i bytes', async (after) => {
    a.behaviour = { kind: 'cut', after };
    expectWhole(await get(fragment), 'a');
    const { atByte } = edge.status().failovers.at(-1)!;
    // A reset may overtake the bytes before it.
    expect(atByte).toBeLessThanOrEqual(after);
  });

  it("within the range the viewer asked for, without the viewer's own conditions", async () => {
    a.behaviour = { kind: 'stall', after: 1000 };
    const got = await get(fragment, { Range: 'bytes=200000-250000', 'If-None-Match': '"other"' });
    expect(got.status).toBe(206);
    expect(got.headers['content-range']).toBe('bytes 200000-250000/300000');
    expect(got.body.equals(b.content(fragment).subarray(200_000, 250_001))).toBe(true);
    expect(b.seen[0]?.headers).toMatchObject({ range: 'bytes=201000-250000' });
    expect(b.seen[0]?.headers).not.toHaveProperty('if-none-match');
  });

  it('also from an origin that ignores ranges', async () => {
    a.behaviour = { kind: 'stall', after: 12_345 };
    b.behaviour = { kind: 'no-ranges' };
    const got = await get(fragment, { Range: 'bytes=5-50004' });
    expect(got.brokeOff).toBeUndefined();
    expect(got.body.equals(b.content(fragment).subarray(5, 50_005))).toBe(true);
  });

  it('also when the length of the body was never told', async () => {
    a.tellsLength = b.tellsLength = false;
    a.behaviour = { kind: 'stall', after: 12_345 };
    expectWhole(await get(fragment), 'a');
    expect(b.seen[0]?.headers.range).toBe('bytes=12345-');
  });

  it('but not for a HEAD, which has none', async () => {
    const got = await get(fragment, {}, 'HEAD');
    expect([got.status, got.body.length, got.headers['content-length']]).toEqual([200, 0, '300000']);
    expect(b.seen).toHaveLength(0);
  });

  it('and back to A when B breaks off too', async () => {
    a.behaviour = { kind: 'cut', after: 100_000 };
    b.behaviour = { kind: 'cut', after: 100_000 };
    expectWhole(await get(fragment), 'a');
    expect(edge.status().failovers.map(({ from, to }) => from + to)).toEqual(['ab', 'ba']);
  });

  it('but never with other bytes: the connection is reset in the middle of the body', async () => {
    a.behaviour = { kind: 'stall', after: 50_000 };
    b.edition = 'another';
    const getting = get(fragment);
    await vi.waitFor(() => expect(a.seen).toHaveLength(1), { interval: 5 });
    a.behaviour = { kind: 'silent' };
    const got = await getting;
    expect(got.brokeOff).toBeDefined();
    expect(got.body.equals(a.content(fragment).subarray(0, got.body.length))).toBe(true);
    expect(logged.map(({ name }) => name)).toContain('EdgeBrokeOff');
  });

  it('and is reset, not ended, when B is down too', async () => {
    a.behaviour = { kind: 'stall', after: 50_000 };
    await b.stop();
    const getting = get(fragment);
    await vi.waitFor(() => expect(a.seen).toHaveLength(1), { interval: 5 });
    a.behaviour = { kind: 'silent' };
    const got = await getting;
    expect(got.brokeOff).toBeDefined();
    expect(got.body.length).toBeLessThanOrEqual(50_000);
  });
});

describe('a good data center is left alone', () => {
  it('lets a slow body take longer than every limit as long as it moves', async () => {
    a.behaviour = { kind: 'slow', pieces: 12, every: 100 };
    expectWhole(await get(fragment), 'a');
    expect(b.seen).toHaveLength(0);
  });

  it('does not take a slow viewer for a slow data center', async () => {
    a.bodyLength = 20_000_000;
    const socket = connect(Number(new URL(edge.url).port), '127.0.0.1');
    socket.write(`GET ${fragment} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`);
    // The viewer reads nothing for three times the limit; the body waits in the origin, not in the edge's memory.
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    socket.resume();
    await once(socket, 'end');
    expect(received).toBeGreaterThan(20_000_000);
    expect(b.seen).toHaveLength(0);
    expect(edge.status().failovers).toEqual([]);
  });

  it('retries a kept-alive connection that A has just closed, on A', async () => {
    a.behaviour = { kind: 'closes-kept-connections' };
    for (let request = 0; request < 5; request++) expectWhole(await get(fragment), 'a');
    expect(b.seen).toHaveLength(0);
    expect(edge.status().failovers).toEqual([]);
  });

  it('aborts the request at the origin when the viewer leaves, and blames nobody', async () => {
    a.behaviour = { kind: 'stall', after: 1000 };
    const request = http.get(`${edge.url}${fragment}`, { agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await once(response, 'data');
    response.on('error', () => undefined);
    request.destroy();
    await vi.waitFor(() => expect(a.seen[0]?.aborted).toBe(true), { timeout: 300 });
    expect(edge.status().dataCenters['a']?.lastFailure).toBeNull();
    expect(b.seen).toHaveLength(0);
  });

  it('does not rest for one or two 5xx answers in a row, which a single bad file gives too', async () => {
    a.behaviour = { kind: 'status', status: 500 };
    await get(fragment);
    await get(fragment);
    expect(edge.status().preferred).toBe('a');
    await get(fragment);
    expect(edge.status().preferred).toBe('b');
  });
});

describe('remembers a failure, and goes back', () => {
  it('sends nothing more to A while it rests', async () => {
    a.behaviour = { kind: 'silent' };
    a.health = 503;
    await get(fragment);
    const started = performance.now();
    for (let request = 0; request < 5; request++) expectWhole(await get(fragment), 'b');
    expect(performance.now() - started).toBeLessThan(quick.headersLimit);
    expect(a.seen).toHaveLength(1);
    expect(edge.status().dataCenters['a']?.lastFailure).not.toBeNull();
  });

  it('goes back when its content health check succeeds, and not before', async () => {
    await a.stop();
    await get(fragment);
    expect(edge.status().preferred).toBe('b');
    a.health = 503;
    await a.start();
    await vi.waitFor(() => expect(a.probes).toBeGreaterThan(1), { timeout: 5000 });
    expectWhole(await get(fragment), 'b');
    a.health = 200;
    await becomes('serving');
    expectWhole(await get(fragment), 'a');
    const states = logged
      .filter(({ name }) => name === 'EdgeDataCenterState')
      .map(({ properties }) => properties['state']);
    expect(states.filter((state, index) => state !== states[index - 1])).toEqual([
      'resting',
      'returning',
      'serving',
    ]);
  });

  it('rests longer each time when a data center passes its check and still fails', async () => {
    a.behaviour = { kind: 'stall', after: 10 };
    for (let time = 0; time < 3; time++) {
      expectWhole(await get(fragment), 'a');
      await becomes('serving');
    }
    const times = (state: string): number[] =>
      logged.filter(({ properties }) => properties['state'] === state).map(({ at }) => at);
    const returning = times('returning');
    const rests = times('resting').map((at, index) => Math.round(returning[index]! - at));
    expect(rests[0]).toBeGreaterThanOrEqual(99);
    expect(rests[1]).toBeGreaterThanOrEqual(199);
    expect(rests[2]).toBeGreaterThanOrEqual(399);
  });
});

describe('both data centers down', () => {
  it('answers 503 that nothing stores, says why, and asks to come back soon', async () => {
    await a.stop();
    b.behaviour = { kind: 'status', status: 500 };
    const got = await get(fragment);
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
    a.health = 503;
    a.behaviour = { kind: 'stall', after: 10 };
    await get(fragment);
    expect(edge.status().dataCenters['a']?.state).toBe('resting');
    a.behaviour = { kind: 'well' };
    await b.stop();
    expectWhole(await get(fragment), 'a');
  });
});

describe('a stream that A does not have', () => {
  it('comes from B when B has it: after an outage a new stream may be there only', async () => {
    a.missing.add(fragment);
    expectWhole(await get(fragment), 'b');
    expect(edge.status().preferred).toBe('a');
    expect(edge.status().failovers).toEqual([]);
  });

  it("is A's own 404 when B does not have it either, or fails", async () => {
    a.missing.add(fragment);
    b.missing.add(fragment);
    const got = await get(fragment);
    expect([got.status, got.headers['x-data-center'], got.body.toString()]).toEqual([404, 'a', 'not here']);
    b.behaviour = { kind: 'silent' };
    expect((await get(fragment)).headers).toMatchObject({ 'x-data-center': 'a', 'x-origin-says': 'missing' });
  });
});

describe('what passes', () => {
  it('answers with the same headers from A and from B, but for the one that tells them apart', async () => {
    const fromA = await get(fragment);
    await a.stop();
    const fromB = await get(fragment);
    const own = ['date', 'x-data-center', 'x-request-id'];
    const comparable = ({ headers }: Got): unknown =>
      Object.entries(headers).filter(([name]) => !own.includes(name));
    expect(comparable(fromA)).toEqual(comparable(fromB));
  });

  it('passes conditional requests and their answers', async () => {
    const { etag } = (await get(fragment)).headers;
    const got = await get(fragment, { 'If-None-Match': etag });
    expect([got.status, got.body.length, got.headers.etag]).toEqual([304, 0, etag]);
  });

  it('keeps the headers of a connection on it', async () => {
    await get(fragment, {
      Connection: 'close, X-Private',
      'X-Private': '1',
      TE: 'trailers',
      'X-Public': '2',
    });
    const { headers } = a.seen[0]!;
    expect(headers).toMatchObject({ host: a.url.host, 'x-public': '2', via: '1.1 failover-edge' });
    expect(headers).not.toHaveProperty('x-private');
    expect(headers).not.toHaveProperty('te');
    expect(headers.connection).toBe('keep-alive');
  });

  it.each([
    '/api/Assets',
    '/oauth2/token',
    '/health',
    '/3f2504e0-4f89-11d3-9a0c-0305e82c3301',
    '/%2e%2e/api/',
    '/edge/',
  ])('leaves %s behind the edge', async (path) => {
    expect((await get(path)).status).toBe(404);
    expect(a.seen).toHaveLength(0);
  });

  it.each(['POST', 'PUT', 'DELETE'])('refuses %s', async (method) => {
    const got = await get(fragment, {}, method);
    expect([got.status, got.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect(a.seen).toHaveLength(0);
  });

  it('notices that it was pointed at itself', async () => {
    expect((await get(fragment, { Via: '1.1 failover-edge' })).status).toBe(508);
  });
});

describe('many viewers at once', () => {
  it('gives 100 of them every byte while A hangs in the middle of their bodies', async () => {
    // Everything here is in one process, which 100 bodies at once keep busy: more patience, or B is blamed for it.
    await edge.close();
    edge = await startWith({ ...quick, headersLimit: 10_000, stallLimit: 1500 });
    a.behaviour = { kind: 'stall', after: 100_000 };
    const paths = Array.from(
      { length: 100 },
      (_, index) => `${stream}/QualityLevels(1)/Fragments(video=${index})`,
    );
    const all = await Promise.all(paths.map((path) => get(path)));
    for (const [index, got] of all.entries()) {
      expect(got.brokeOff).toBeUndefined();
      expect(md5(got.body)).toBe(md5(b.content(paths[index]!)));
    }
    // On a busy machine A rests before the last of them has come to it.
    expect(edge.status().failovers.some(({ atByte }) => atByte === 100_000)).toBe(true);
  });
});
