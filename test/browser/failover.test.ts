import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { EdgeStatus } from '../../src/web/edge-status.ts';
import {
  formatOf,
  launchChromium,
  describeInBrowser,
  openPlayer,
  type PlayerName,
  type PlayerPage,
} from '../browser.ts';
import { manifests, startTwoDataCenters, type TwoDataCenters } from './processes.ts';

/**
 * In the middle of bodies only, which needs slow data centers; between two fragments, and with the whole service:
 * test/e2e/playback.test.ts. One of each player and each format; the stream lasts 8.3 s.
 */
const names: readonly PlayerName[] = ['hls.js', 'dash.js with Smooth', 'shaka with DASH'];
const nearTheEnd = 8;

describeInBrowser('A is lost while Chromium plays through the edge', () => {
  let browser: Browser;
  let centers: TwoDataCenters | undefined;
  let players: PlayerPage[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterEach(async () => {
    await Promise.all(players.map((player) => player.close()));
    await centers?.close();
    [players, centers] = [[], undefined];
  });
  afterAll(() => browser.close());

  async function playThroughEdge({ edge }: TwoDataCenters): Promise<PlayerPage[]> {
    return Promise.all(
      names.map((name) =>
        openPlayer(browser, name, edge.url + manifests[formatOf[name]], { bufferSeconds: 3 }),
      ),
    );
  }

  const statusOf = async ({ edge }: TwoDataCenters): Promise<EdgeStatus> =>
    (await (await fetch(`${edge.url}/edge/status`)).json()) as EdgeStatus;

  it.each(['SIGKILL', 'SIGSTOP'] as const)('in the middle of bodies, by %s', async (signal) => {
    // Every fragment of two seconds takes one: there is always one on its way.
    const running = (centers = await startTwoDataCenters({ slow: 1000 }));
    players = await playThroughEdge(running);
    await Promise.all(players.map((player) => player.playsPast(0.5)));
    const before = running.a.lines.length;
    await vi.waitFor(() => expect(running.a.lines.length).toBeGreaterThan(before), {
      timeout: 10_000,
      interval: 2,
    });
    running.a.kill(signal);
    await Promise.all(players.map((player) => player.playsPast(nearTheEnd)));
    const inBody = (await statusOf(running)).failovers.filter(({ atByte }) => (atByte ?? 0) > 0);
    expect(inBody.map(({ reason }) => reason)).toContain(signal === 'SIGKILL' ? 'cut' : 'stalled');
    for (const player of players) expect(await player.fatalErrors()).toEqual([]);
  });
});
