import { describe, expect, it } from 'vitest';
import { ByteGate } from '../../../src/media-service/origin/byte-gate.ts';
import { seeded } from '../../seeded.ts';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a gate for bytes', () => {
  it('never has more inside than its limit, but for one that is larger alone; everyone gets in', async () => {
    const random = seeded(9);
    const gate = new ByteGate(100);
    let [inside, workers, highest] = [0, 0, 0];
    const pass = (bytes: number): Promise<void> =>
      gate.pass(bytes, new AbortController(), async () => {
        inside += bytes;
        workers += 1;
        highest = Math.max(highest, inside);
        expect(inside <= 100 || workers === 1).toBe(true);
        for (let turn = 0; turn < random() * 4; turn += 1) await nextTurn();
        inside -= bytes;
        workers -= 1;
        if (random() < 0.1) throw new Error('broken');
      });
    const passes = Array.from({ length: 500 }, () => pass(1 + Math.floor(random() * 120)));
    const failed = (await Promise.allSettled(passes)).filter(({ status }) => status === 'rejected');
    expect(failed.length).toBeGreaterThan(10);
    expect([inside, highest > 80]).toEqual([0, true]);
  });

  it('is left by those who go while they wait', async () => {
    const gate = new ByteGate(10);
    let finish: () => void = () => undefined;
    const first = gate.pass(
      10,
      new AbortController(),
      () => new Promise<void>((resolve) => (finish = resolve)),
    );
    const [leaving, staying] = [new AbortController(), new AbortController()];
    const left = gate.pass(10, leaving, async () => 'never');
    const stayed = gate.pass(5, staying, async () => 'done');
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    finish();
    await first;
    expect(await stayed).toBe('done');
  });
});
