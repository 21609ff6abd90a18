import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EdgeBetween, fragment, md5, quick, stream } from './edge-between.ts';
import { viewThroughRandomFailures } from './random-failures.ts';

let on: EdgeBetween;
beforeEach(async () => {
  on = await EdgeBetween.start();
});
afterEach(() => on.stop());

describe('a body that breaks off goes on from B at the same byte', () => {
  it.each([0, 1, 65_536, 299_999])('when A hangs after %i bytes', async (after) => {
    on.a.behaviour = { kind: 'stall', after };
    on.expectWhole(await on.get(fragment), 'a');
    expect(on.b.seen[0]?.headers).toMatchObject({ range: `bytes=${after}-299999` });
    expect(on.b.seen[0]?.headers['if-match']).toMatch(/^"[0-9a-f]{32}"$/);
    expect(on.edge.status().failovers.at(-1)).toMatchObject({ from: 'a', to: 'b', atByte: after });
  });

  it.each([0, 100_000, 299_999])('when A is cut off after %i bytes', async (after) => {
    on.a.behaviour = { kind: 'cut', after };
    on.expectWhole(await on.get(fragment), 'a');
    const { atByte } = on.edge.status().failovers.at(-1)!;
    // A reset may overtake the bytes before it.
    expect(atByte).toBeLessThanOrEqual(after);
  });

  it("within the range the viewer asked for, without the viewer's own conditions", async () => {
    on.a.behaviour = { kind: 'stall', after: 1000 };
    const got = await on.get(fragment, { Range: 'bytes=200000-250000', 'If-None-Match': '"other"' });
    expect(got.status).toBe(206);
    expect(got.headers['content-range']).toBe('bytes 200000-250000/300000');
    expect(got.body.equals(on.b.content(fragment).subarray(200_000, 250_001))).toBe(true);
    expect(on.b.seen[0]?.headers).toMatchObject({ range: 'bytes=201000-250000' });
    expect(on.b.seen[0]?.headers).not.toHaveProperty('if-none-match');
  });

  it('also from an origin that ignores ranges', async () => {
    on.a.behaviour = { kind: 'stall', after: 12_345 };
    on.b.behaviour = { kind: 'no-ranges' };
    const got = await on.get(fragment, { Range: 'bytes=5-50004' });
    expect(got.brokeOff).toBeUndefined();
    expect(got.body.equals(on.b.content(fragment).subarray(5, 50_005))).toBe(true);
  });

  it('and no further than the viewer asked, when such an origin hangs after that', async () => {
    on.a.behaviour = { kind: 'stall', after: 1000 };
    on.b.behaviour = { kind: 'no-ranges', after: 60_000 };
    const got = await on.get(fragment, { Range: 'bytes=5-50004' });
    expect(got.brokeOff).toBeUndefined();
    expect(got.body.equals(on.b.content(fragment).subarray(5, 50_005))).toBe(true);
    expect(on.edge.status().dataCenters['b']?.lastFailure).toBeNull();
    await vi.waitFor(() => expect(on.b.seen[0]?.aborted).toBe(true));
  });

  it('also when the length of the body was never told', async () => {
    on.a.tellsLength = on.b.tellsLength = false;
    on.a.behaviour = { kind: 'stall', after: 12_345 };
    on.expectWhole(await on.get(fragment), 'a');
    expect(on.b.seen[0]?.headers.range).toBe('bytes=12345-');
  });

  it('but not for a HEAD, which has none', async () => {
    const got = await on.get(fragment, {}, 'HEAD');
    expect([got.status, got.body.length, got.headers['content-length']]).toEqual([200, 0, '300000']);
    expect(on.b.seen).toHaveLength(0);
  });

  it('and back to A when B breaks off too', async () => {
    on.a.behaviour = { kind: 'cut', after: 100_000 };
    on.b.behaviour = { kind: 'cut', after: 100_000 };
    on.expectWhole(await on.get(fragment), 'a');
    expect(on.edge.status().failovers.map(({ from, to }) => from + to)).toEqual(['ab', 'ba']);
  });

  it('but never with other bytes: the connection is reset in the middle of the body', async () => {
    on.a.behaviour = { kind: 'stall', after: 50_000 };
    on.b.edition = 'another';
    const getting = on.get(fragment);
    await vi.waitFor(() => expect(on.a.seen).toHaveLength(1), { interval: 5 });
    on.a.behaviour = { kind: 'silent' };
    const got = await getting;
    expect(got.brokeOff).toBeDefined();
    expect(got.body.equals(on.a.content(fragment).subarray(0, got.body.length))).toBe(true);
    expect(on.logged.map(({ name }) => name)).toContain('EdgeUnanswered');
  });

  it('and is reset, not ended, when B is down too', async () => {
    on.a.behaviour = { kind: 'stall', after: 50_000 };
    await on.b.stop();
    const getting = on.get(fragment);
    await vi.waitFor(() => expect(on.a.seen).toHaveLength(1), { interval: 5 });
    on.a.behaviour = { kind: 'silent' };
    const got = await getting;
    expect(got.brokeOff).toBeDefined();
    expect(got.body.length).toBeLessThanOrEqual(50_000);
  });
});

describe('many viewers at once', () => {
  it('gives 100 of them every byte while A hangs in the middle of their bodies', async () => {
    // Everything here is in one process, which 100 bodies at once keep busy: more patience, or B is blamed for it.
    await on.restart({ ...quick, headersLimit: 10_000, stallLimit: 1500 });
    on.a.behaviour = { kind: 'stall', after: 100_000 };
    const paths = Array.from(
      { length: 100 },
      (_, index) => `${stream}/QualityLevels(1)/Fragments(video=${index})`,
    );
    const all = await Promise.all(paths.map((path) => on.get(path)));
    for (const [index, got] of all.entries()) {
      expect(got.brokeOff).toBeUndefined();
      expect(md5(got.body)).toBe(md5(on.b.content(paths[index]!)));
    }
    // On a busy machine A rests before the last of them has come to it.
    expect(on.edge.status().failovers.some(({ atByte }) => atByte === 100_000)).toBe(true);
  });
});

describe('whatever the data centers do', () => {
  it.each([1, 2, 3])('a body is whole, or broken off after right bytes (seed %i)', async (seed) => {
    const outcomes = await viewThroughRandomFailures(on, seed, { viewers: 12, requests: 5 });
    expect(outcomes.whole).toBeGreaterThan(10);
    expect(on.edge.status().failovers.length).toBeGreaterThan(10);
  });
});
