import { once } from 'node:events';
import http from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FailureMemoryTimings } from '../../../src/local/edge/timings.ts';
import { EdgeBetween, fragment, quick } from './edge-between.ts';

let on: EdgeBetween;
beforeEach(async () => {
  on = await EdgeBetween.start();
});
afterEach(() => on.stop());

describe('a good data center is left alone', () => {
  it('lets a slow body take longer than every limit as long as it moves', async () => {
    on.a.behaviour = { kind: 'slow', pieces: 12, every: 100 };
    on.expectWhole(await on.get(fragment), 'a');
    expect(on.b.seen).toHaveLength(0);
  });

  it('does not take a slow viewer for a slow data center', async () => {
    on.a.bodyLength = 20_000_000;
    const socket = connect(Number(new URL(on.edge.url).port), '127.0.0.1');
    socket.write(`GET ${fragment} HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n`);
    // The viewer reads nothing for three times the limit; the body waits in the origin, not in the edge's memory.
    socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 1200));
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    socket.resume();
    await once(socket, 'end');
    expect(received).toBeGreaterThan(20_000_000);
    expect(on.b.seen).toHaveLength(0);
    expect(on.edge.status().failovers).toEqual([]);
  });

  it('uses a connection again and again', async () => {
    for (let request = 0; request < 10; request++) on.expectWhole(await on.get(fragment), 'a');
    expect(on.a.connections).toBe(1);
  });

  it('retries a kept-alive connection that A has just closed, on A', async () => {
    on.a.behaviour = { kind: 'closes-kept-connections' };
    for (let request = 0; request < 5; request++) on.expectWhole(await on.get(fragment), 'a');
    expect(on.b.seen).toHaveLength(0);
    expect(on.edge.status().failovers).toEqual([]);
  });

  it('aborts the request at the origin when the viewer leaves, and blames nobody', async () => {
    on.a.behaviour = { kind: 'stall', after: 1000 };
    const request = http.get(`${on.edge.url}${fragment}`, { agent: false });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await once(response, 'data');
    response.on('error', () => undefined);
    request.destroy();
    await vi.waitFor(() => expect(on.a.seen[0]?.aborted).toBe(true), { timeout: 300 });
    expect(on.edge.status().dataCenters['a']?.lastFailure).toBeNull();
    expect(on.b.seen).toHaveLength(0);
  });

  it('does not rest for one or two 5xx answers in a row, which a single bad file gives too', async () => {
    on.a.behaviour = { kind: 'status', status: 500 };
    await on.get(fragment);
    await on.get(fragment);
    expect(on.edge.status().preferred).toBe('a');
    await on.get(fragment);
    expect(on.edge.status().preferred).toBe('b');
  });
});

describe('a data center that is slow and well', () => {
  const rests = (): unknown[] =>
    on.logged.filter(({ name }) => name === 'EdgeDataCenterState').map(({ properties }) => properties);

  it('does not rest for requests that hang at the same time, as those of a flood do', async () => {
    const health = { ...(quick.health as FailureMemoryTimings), doubtSpacing: 60_000 };
    await on.restart({ ...quick, headersLimit: 1500, health });
    on.a.bodyLength = on.b.bodyLength = 1000;
    on.a.behaviour = { kind: 'silent' };
    const all = await Promise.all(Array.from({ length: 20 }, () => on.get(fragment)));
    for (const got of all) on.expectWhole(got, 'b');
    expect(on.a.probes).toBeGreaterThan(0);
    on.a.behaviour = { kind: 'well' };
    await vi.waitFor(() => expect(on.edge.status().preferred).toBe('a'), { interval: 5 });
    on.expectWhole(await on.get(fragment), 'a');
    expect(rests()).toEqual([]);
  });

  it('comes last while it is probed, so that nobody else waits for it', async () => {
    on.a.behaviour = { kind: 'silent' };
    on.a.health = undefined;
    await on.get(fragment);
    expect(on.edge.status()).toMatchObject({ preferred: 'b', dataCenters: { a: { state: 'serving' } } });
    for (let request = 0; request < 5; request++) on.expectWhole(await on.get(fragment), 'b');
    expect(on.a.seen).toHaveLength(1);
    await on.becomes('resting');
  });

  it('rests all the same when it is slow time after time and answers nothing', async () => {
    on.a.behaviour = { kind: 'silent' };
    for (let time = 0; time < 3; time++) {
      await vi.waitFor(() => expect(on.edge.status().preferred).toBe('a'), { interval: 5 });
      await on.get(fragment);
    }
    await on.becomes('resting');
    expect(on.a.seen).toHaveLength(3);
  });
});

describe('remembers a failure, and goes back', () => {
  it('sends nothing more to A while it rests', async () => {
    on.a.behaviour = { kind: 'silent' };
    on.a.health = 503;
    await on.get(fragment);
    const started = performance.now();
    for (let request = 0; request < 5; request++) on.expectWhole(await on.get(fragment), 'b');
    expect(performance.now() - started).toBeLessThan(quick.headersLimit);
    expect(on.a.seen).toHaveLength(1);
    expect(on.edge.status().dataCenters['a']?.lastFailure).not.toBeNull();
  });

  it('goes back when its content health check succeeds, and not before', async () => {
    await on.a.stop();
    await on.get(fragment);
    expect(on.edge.status().preferred).toBe('b');
    on.a.health = 503;
    await on.a.start();
    await vi.waitFor(() => expect(on.a.probes).toBeGreaterThan(1), { timeout: 5000 });
    on.expectWhole(await on.get(fragment), 'b');
    on.a.health = 200;
    await on.becomes('serving');
    on.expectWhole(await on.get(fragment), 'a');
    const states = on.logged
      .filter(({ name }) => name === 'EdgeDataCenterState')
      .map(({ properties }) => properties['state']);
    expect(states.filter((state, index) => state !== states[index - 1])).toEqual([
      'resting',
      'returning',
      'serving',
    ]);
  });

  it('rests longer each time when a data center passes its check and still fails', async () => {
    on.a.behaviour = { kind: 'cut', after: 10 };
    for (let time = 0; time < 3; time++) {
      on.expectWhole(await on.get(fragment), 'a');
      await on.becomes('serving');
    }
    const times = (state: string): number[] =>
      on.logged.filter(({ properties }) => properties['state'] === state).map(({ at }) => at);
    const returning = times('returning');
    const rests = times('resting').map((at, index) => Math.round(returning[index]! - at));
    expect(rests[0]).toBeGreaterThanOrEqual(99);
    expect(rests[1]).toBeGreaterThanOrEqual(199);
    expect(rests[2]).toBeGreaterThanOrEqual(399);
  });
});
