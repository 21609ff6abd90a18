import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { seeded } from '../../seeded.ts';
import type { ContractApp, RunningHost } from './functions-host.ts';
import { ended, start, type Urls } from './orchestrations.ts';

/** The same instance on another host of the same hub: its addresses carry the host's port. */
export function on(host: RunningHost, urls: Urls): Urls {
  const origin = new URL(urls['statusQueryGetUri']!).origin;
  return Object.fromEntries(Object.entries(urls).map(([name, url]) => [name, url.replace(origin, host.url)]));
}

/** Kills the host of three orchestrations twice, each time at a random moment; they must end as if nothing had been. */
export async function killAtRandom(app: ContractApp, seed: number): Promise<void> {
  const random = seeded(seed);
  const hub = `crash${seed}`;
  const before = (await app.notes('addOne')).length;
  let host = await app.start(hub);
  const chain = await start(host.url, 'chain', { length: 12 });
  const many = await start(host.url, 'callsMany', { width: 4 });
  const counts = await start(host.url, 'counts', { round: 1, until: 5 });
  for (let kills = 0; kills < 2; kills++) {
    await delay(30 + random() * 900);
    await host.kill('SIGKILL');
    host = await app.start(hub);
  }
  expect((await ended(on(host, chain))).output).toEqual({ value: 12 });
  expect((await ended(on(host, many))).output).toEqual({ results: [1, 2, 3, 4].map(() => ({ value: 2 })) });
  expect((await ended(on(host, counts))).output).toEqual({ round: 5 });
  // 12 + 8 + 5 calls; at each kill those that ran may run again (one of the chain's, four children's, one of the counts').
  const calls = (await app.notes('addOne')).length - before;
  expect(calls).toBeGreaterThanOrEqual(25);
  expect(calls).toBeLessThanOrEqual(25 + 2 * 6);
  await host.kill('SIGKILL');
}
