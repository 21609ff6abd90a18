import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { EdgeBetween, fragment, quick, type Got } from './edge-between.ts';

let on: EdgeBetween;
beforeEach(async () => {
  // What hangs here does so until B is stopped.
  on = await EdgeBetween.start({ ...quick, headersLimit: 30_000 });
  on.a.health = on.b.health = 503;
});
afterEach(() => on.stop());

async function failInVain(times: number): Promise<void> {
  on.a.behaviour = on.b.behaviour = { kind: 'status', status: 503 };
  for (let request = 0; request < times; request++) expect((await on.get(fragment)).status).toBe(503);
}

it('asks B for a few only of what A fails, as long as B fails it too', async () => {
  await failInVain(10);
  on.b.behaviour = { kind: 'silent' };
  const before = on.b.seen.length;
  const answered: Got[] = [];
  const all = Array.from({ length: 40 }, async () => answered.push(await on.get(fragment)));
  await vi.waitFor(() => expect(answered).toHaveLength(36), { timeout: 20_000 });
  expect(on.b.seen).toHaveLength(before + 4);
  for (const got of answered) {
    expect([got.status, got.headers['retry-after']]).toEqual([503, '2']);
    expect(got.body.toString()).toContain('b: not asked, as it failed all the last failovers');
  }
  await on.b.stop();
  await Promise.all(all);
  expect(answered.map(({ status }) => status)).toEqual(Array(40).fill(503));
});

it('asks B for everything again after one success', async () => {
  await failInVain(12);
  on.b.behaviour = { kind: 'well' };
  on.expectWhole(await on.get(fragment), 'b');
  const all = await Promise.all(Array.from({ length: 40 }, () => on.get(fragment)));
  for (const got of all) on.expectWhole(got, 'b');
});
