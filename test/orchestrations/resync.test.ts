import { expect, it } from 'vitest';
import { resync } from '../../src/orchestrations/resync.ts';
import { ReplayEngine } from './replay-engine.ts';

it.each(['report', 'repair'] as const)(
  'a re-sync that is to %s tells of a URL that has expired, and does not try to replicate it',
  async (mode) => {
    const open = [{ streamId: 'old', reason: "the source's origin locator has expired" }];
    const value = { checked: 2, count: 0, streams: [], expired: { count: 1, streams: open } };
    const engine = new ReplayEngine({ resync }, async () => ({ ok: true, value }));
    const patience = { source: 1, target: 1, job: 1 };
    const { output } = await engine.run('resync', { source: 'a', mode, level: 'properties', patience });
    expect(output).toEqual({ mode, level: 'properties', checked: 2, unprotected: 1, repaired: 0, open });
    expect(engine.calls.map(({ name }) => name)).toEqual(['findUnprotected']);
  },
);
