import { once } from 'node:events';
import http from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startEdge, type Edge } from '../../../src/local/edge/edge.ts';
import { frontDoor, type ProbeSampleTimings } from '../../../src/local/edge/timings.ts';
import { UnsteadyOrigin } from './unsteady-origin.ts';

const fragment = '/3f2504e0-4f89-11d3-9a0c-0305e82c3301/hello.ism/QualityLevels(1)/Fragments(video=0)';

/** Front Door's rules with shorter times. */
const health: ProbeSampleTimings = {
  ...(frontDoor.health as ProbeSampleTimings),
  probeInterval: 150,
  probeLimit: 1500,
};
const timings = { ...frontDoor, headersLimit: 300, stallLimit: 300, health };

let a: UnsteadyOrigin;
let b: UnsteadyOrigin;
let edge: Edge;

beforeEach(async () => {
  a = await new UnsteadyOrigin().start();
  b = await new UnsteadyOrigin().start();
  edge = await startEdge({
    origins: { a: a.url, b: b.url },
    host: '127.0.0.1',
    port: 0,
    timings,
    probePath: '/health/content',
    pages: undefined,
    telemetry: { event: () => undefined, problem: () => undefined, flush: async () => undefined },
  });
});

afterEach(async () => {
  await edge.close();
  await Promise.all([a.stop(), b.stop()]);
});

const servedBy = async (): Promise<string> => {
  const response = await fetch(edge.url + fragment);
  await response.arrayBuffer();
  return response.headers.get('x-data-center') ?? String(response.status);
};
const prefers = (key: 'a' | 'b' | null): Promise<void> =>
  vi.waitFor(() => expect(edge.status().preferred).toBe(key), { timeout: 5000, interval: 5 });

describe("with Front Door's timings", () => {
  it('moves to B only when enough probes of A have failed, and back when enough have succeeded', async () => {
    expect(await servedBy()).toBe('a');
    // A request that fails changes nothing, and is not tried elsewhere.
    a.behaviour = { kind: 'silent' };
    expect(await servedBy()).toBe('503');
    expect(edge.status().preferred).toBe('a');
    expect(b.seen).toHaveLength(0);
    const before = a.probes;
    a.health = 503;
    await prefers('b');
    expect(a.probes - before).toBeGreaterThanOrEqual(2);
    expect(await servedBy()).toBe('b');
    a.behaviour = { kind: 'well' };
    a.health = 200;
    const failed = a.probes;
    await prefers('a');
    expect(a.probes - failed).toBeGreaterThanOrEqual(3);
    expect(await servedBy()).toBe('a');
  });

  it('takes a probe that is not answered, and any answer but 200, for a failure', async () => {
    a.health = undefined;
    await prefers('b');
    a.health = 204;
    b.health = 404;
    await prefers(null);
  });

  it('uses all in turn when none is healthy', async () => {
    a.health = b.health = 503;
    await prefers(null);
    const served = [await servedBy(), await servedBy(), await servedBy(), await servedBy()];
    expect(served.join('')).toMatch(/^(abab|baba)$/);
  });

  it('does not go on with a body from elsewhere', async () => {
    a.behaviour = { kind: 'stall', after: 1000 };
    const request = http.get(edge.url + fragment, { agent: false });
    request.on('error', () => undefined);
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    await expect(response.resume().toArray()).rejects.toThrow('aborted');
    expect(b.seen).toHaveLength(0);
  });

  it("passes A's own 5xx and 404 on", async () => {
    a.behaviour = { kind: 'status', status: 502 };
    const response = await fetch(edge.url + fragment);
    expect([response.status, await response.text()]).toEqual([502, 'trouble']);
    a.behaviour = { kind: 'well' };
    a.missing.add(fragment);
    expect((await fetch(edge.url + fragment)).status).toBe(404);
    expect(b.seen).toHaveLength(0);
  });
});
