import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { EdgeStatus } from '../../src/web/edge-status.ts';
import { formatOf, launchChromium, describeInBrowser, openPlayer, type PlayerName } from '../browser.ts';
import { manifests, startTwoDataCenters, type TwoDataCenters } from './processes.ts';

/**
 * In the middle of bodies only, which needs slow data centers; between two fragments, and with the whole service:
 * test/e2e/playback.test.ts. One of each player and each format; the stream lasts 8.3 s.
 */
const names: readonly PlayerName[] = ['hls.js', 'dash.js with Smooth', 'shaka with DASH'];
const nearTheEnd = 8;

describeInBrowser('A is lost while Chromium plays through the edge', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  async function statusOf({ edge }: TwoDataCenters): Promise<EdgeStatus> {
    return (await (await fetch(`${edge.url}/edge/status`)).json()) as EdgeStatus;
  }

  // At the same time: most of it is waiting for pictures.
  it.concurrent.each(['SIGKILL', 'SIGSTOP'] as const)('in the middle of bodies, by %s', async (signal) => {
    // Every fragment of two seconds takes one: there is always one on its way.
    const centers = await startTwoDataCenters({ slow: 1000 });
    const { a, edge } = centers;
    try {
      const players = await Promise.all(
        names.map((name) =>
          openPlayer(browser, name, edge.url + manifests[formatOf[name]], { bufferSeconds: 3 }),
        ),
      );
      await Promise.all(players.map((player) => player.playsPast(0.5)));
      const before = a.lines.length;
      await vi.waitFor(() => expect(a.lines.length).toBeGreaterThan(before), {
        timeout: 10_000,
        interval: 2,
      });
      a.kill(signal);
      await Promise.all(players.map((player) => player.playsPast(nearTheEnd)));
      const inBody = (await statusOf(centers)).failovers.filter(({ atByte }) => (atByte ?? 0) > 0);
      expect(inBody.map(({ reason }) => reason)).toContain(signal === 'SIGKILL' ? 'cut' : 'stalled');
      for (const player of players) expect(await player.fatalErrors()).toEqual([]);
      await Promise.all(players.map((player) => player.close()));
    } finally {
      await centers.close();
    }
  });
});
