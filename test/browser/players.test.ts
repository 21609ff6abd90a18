import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatOf, launchChromium, noBrowser, openPlayer, type PlayerName } from '../browser.ts';
import { manifests, startTwoDataCenters, type TwoDataCenters } from './processes.ts';

describe.skipIf(noBrowser)(`players in Chromium${noBrowser ? ` (${noBrowser})` : ''}`, () => {
  let browser: Browser;
  let centers: TwoDataCenters;

  beforeAll(async () => {
    [browser, centers] = await Promise.all([launchChromium(), startTwoDataCenters()]);
  });

  afterAll(async () => {
    await Promise.all([browser.close(), centers.close()]);
  });

  const places = ['a', 'b', 'edge'] as const;

  it.each(Object.keys(formatOf) as PlayerName[])('%s plays and seeks A, B and the edge', async (name) => {
    const play = async (place: (typeof places)[number]): Promise<void> => {
      const url = centers[place].url + manifests[formatOf[name]];
      // Little is loaded ahead, so that seeking must load.
      const player = await openPlayer(browser, name, url, { bufferSeconds: 2 });
      try {
        await player.playsPast(0.7);
        await player.seek(6);
        await player.seek(2);
        expect(await player.fatalErrors(), place).toEqual([]);
      } finally {
        await player.close();
      }
    };
    await Promise.all(places.map(play));
  });
});
