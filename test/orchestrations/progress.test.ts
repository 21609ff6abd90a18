import { expect, it } from 'vitest';
import { statusOf, withLanes } from '../../src/orchestrations/progress.ts';

it("adds up what a copy's lanes have copied, in bytes and in percent", () => {
  const lane = (done: number) => ({ bytes: { done, total: 0 } });
  const from = statusOf('copyBlobs', 0).percent;
  const to = statusOf('copyBlobs', 1).percent;
  expect(withLanes({ done: 100, total: 400 }, [lane(60), lane(40), undefined])).toEqual({
    step: 'copyBlobs',
    percent: Math.round((from + to) / 2),
    bytes: { done: 200, total: 400 },
  });
  expect(withLanes({ done: 0, total: 0 }, [])).toMatchObject({ percent: from });
});
