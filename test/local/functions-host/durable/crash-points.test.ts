/** Hosts that stop, and tables that fail, between any two requests: a sample; test/soak has every point. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineHub } from './engine-hub.ts';

/** A run asks for about sixty changes; the first four make the hub. */
const points = [5, 10, 16, 21, 27, 33, 40];

describe('an orchestration', () => {
  let hub: EngineHub;
  beforeAll(async () => (hub = await EngineHub.create()));
  afterAll(() => hub.close());

  it('runs each step once when nothing goes wrong, and leaves no work behind', () => hub.runPlainly('plain'));

  it.each(points.flatMap((point) => [[point, 'before'] as const, [point, 'after'] as const]))(
    'goes on when its host stands still at change %i, %s it is done, and is not harmed when that wakes up',
    async (point, when) => {
      expect(await hub.stopAt(point, when)).toBe(true);
    },
  );

  it('loses and doubles nothing while one request in twelve fails', () => hub.failRequests('failing', 12));

  it('hears an event once whose sender heard no answer and sends it again', () =>
    hub.loseEventAnswer('resent'));

  it('comes to its end while two hosts take each other for dead', () => hub.fightOver('fought'));
});
