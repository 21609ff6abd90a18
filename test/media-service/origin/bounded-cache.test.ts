import { describe, expect, it } from 'vitest';
import { BoundedCache } from '../../../src/media-service/origin/bounded-cache.ts';
import { seeded } from '../../seeded.ts';

const client = new AbortController();

/** A load that the test ends. */
function manual(): {
  readonly load: (loader: { readonly signal: AbortSignal }) => Promise<string>;
  readonly signals: AbortSignal[];
  readonly succeed: (value: string) => void;
  readonly fail: (error: Error) => void;
} {
  const signals: AbortSignal[] = [];
  let succeed: (value: string) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  return {
    signals,
    load: ({ signal }) => {
      signals.push(signal);
      return new Promise((resolve, reject) => {
        succeed = resolve;
        fail = reject;
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    },
    succeed: (value) => succeed(value),
    fail: (error) => fail(error),
  };
}

describe('a cache bounded in bytes', () => {
  it('never holds more than its limit, and what was used last stays', async () => {
    const random = seeded(5);
    const cache = new BoundedCache<string>(1000, (value) => value.length);
    const held = new Map<string, number>();
    for (let step = 0; step < 5000; step += 1) {
      const key = `k${Math.floor(random() * 60)}`;
      const size = held.get(key) ?? Math.floor(random() * 120);
      held.set(key, size);
      await cache.getOrLoad(key, client, async () => 'x'.repeat(size));
      expect(cache.bytes).toBeLessThanOrEqual(1000);
      expect(cache.get(key)).toBe('x'.repeat(size));
    }
    const kept = [...held].filter(([key]) => cache.get(key) !== undefined);
    expect(cache.bytes).toBe(kept.reduce((sum, [, size]) => sum + size, 0));
    expect(kept.length).toBeLessThan(held.size);
  });

  it('forgets what was used longest ago first', async () => {
    const cache = new BoundedCache<string>(3, () => 1);
    for (const key of ['a', 'b', 'c']) await cache.getOrLoad(key, client, async () => key);
    cache.get('a');
    await cache.getOrLoad('d', client, async () => 'd');
    expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key))).toEqual(['a', undefined, 'c', 'd']);
  });

  it('answers what is larger than the limit without keeping it', async () => {
    const cache = new BoundedCache<string>(3, (value) => value.length);
    expect(await cache.getOrLoad('a', client, async () => 'large')).toBe('large');
    expect([cache.get('a'), cache.bytes]).toEqual([undefined, 0]);
  });

  it('loads once for all who ask at the same time', async () => {
    const cache = new BoundedCache<string>(100, (value) => value.length);
    const { load, signals, succeed } = manual();
    const asked = Array.from({ length: 50 }, () => cache.getOrLoad('a', new AbortController(), load));
    succeed('value');
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['value']));
    expect(signals).toHaveLength(1);
    expect(cache.get('a')).toBe('value');
  });

  it('tells an error to all who wait and asks anew after it', async () => {
    const cache = new BoundedCache<string>(100, (value) => value.length);
    const { load, fail } = manual();
    const asked = [cache.getOrLoad('a', client, load), cache.getOrLoad('a', client, load)];
    fail(new Error('broken'));
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await cache.getOrLoad('a', client, async () => 'value')).toBe('value');
  });

  it('goes on for those who stay, and ends the load when nobody does', async () => {
    const cache = new BoundedCache<string>(100, (value) => value.length);
    const { load, signals, succeed } = manual();
    const [leaving, staying] = [new AbortController(), new AbortController()];
    const left = cache.getOrLoad('a', leaving, load);
    const stayed = cache.getOrLoad('a', staying, load);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    expect(signals[0]?.aborted).toBe(false);
    succeed('value');
    expect(await stayed).toBe('value');

    const second = manual();
    const alone = new AbortController();
    const abandoned = cache.getOrLoad('b', alone, second.load);
    alone.abort(new Error('gone'));
    await expect(abandoned).rejects.toThrow('gone');
    expect(second.signals[0]?.aborted).toBe(true);
    // Who comes now is not tied to what was given up.
    expect(await cache.getOrLoad('b', client, async () => 'fresh')).toBe('fresh');
  });
});
