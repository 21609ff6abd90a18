/** The edge under random failures of both data centers, for longer than `npm test` has time for. */
import { expect, it } from 'vitest';
import { EdgeBetween } from '../local/edge/edge-between.ts';
import { viewThroughRandomFailures } from '../local/edge/random-failures.ts';

it('gives every viewer right bytes through thousands of failures, and keeps no connection or memory', async () => {
  const sum = { whole: 0, brokenOff: 0, refused: 0 };
  let residentBefore = 0;
  for (let seed = 100; seed < 140; seed++) {
    const on = await EdgeBetween.start();
    try {
      const outcomes = await viewThroughRandomFailures(on, seed, { viewers: 40, requests: 10 });
      for (const kind of ['whole', 'brokenOff', 'refused'] as const) sum[kind] += outcomes[kind];
    } finally {
      await on.stop();
    }
    if (seed === 105) residentBefore = process.memoryUsage().rss;
  }
  const grown = (process.memoryUsage().rss - residentBefore) / 2 ** 20;
  console.log(
    `edge: ${JSON.stringify(sum)}, resident memory grown by ${grown.toFixed(0)} MiB since the sixth round`,
  );
  expect(sum.whole).toBeGreaterThan(4000);
  expect(grown).toBeLessThan(100);
});
