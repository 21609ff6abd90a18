/**
 * What viewers see of the main job: every player plays what the stack published (check 1), and goes on when data center
 * A's media service is killed or frozen (check 2; test/browser does the same in the middle of bodies).
 */
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { formatOf, launchChromium, describeInBrowser, openPlayer, type PlayerName } from '../browser.ts';
import {
  makeClip,
  removeFolder,
  reservePorts,
  startStack,
  temporaryFolder,
  type Report,
  type StartedStack,
} from './local-stack.ts';

const clipSeconds = 12;

describeInBrowser('in Chromium', () => {
  let folder: string;
  let stack: StartedStack;
  let report: Report;
  let browser: Browser;

  beforeAll(async () => {
    folder = await temporaryFolder('playback');
    const clip = join(folder, 'clip.mp4');
    await makeClip(clip, clipSeconds);
    const dataDirectory = join(folder, 'data');
    await reservePorts(dataDirectory);
    stack = startStack({ dataDirectory, parameters: ['--input', clip] });
    [report, browser] = await Promise.all([stack.report, launchChromium()]);
    expect(report.status).toBe('succeeded');
  });
  afterAll(async () => {
    await browser.close();
    await stack.stop();
    await removeFolder(folder);
  });

  test.each(Object.keys(formatOf) as PlayerName[])('%s plays and seeks A, B and the edge', async (name) => {
    const format = formatOf[name];
    const play = async (url: string): Promise<void> => {
      // Little is loaded ahead, so that seeking must load.
      const player = await openPlayer(browser, name, url, { bufferSeconds: 2 });
      try {
        await player.playsPast(0.7);
        await player.seek(9.3);
        // Not 4: dash.js 5.2 stands still at the exact end of its buffer, also with ffmpeg's own DASH.
        await player.seek(4.3);
        expect(await player.fatalErrors(), url).toEqual([]);
      } finally {
        await player.close();
      }
    };
    await Promise.all([report.urls.a[format], report.urls.b[format], report.edge[format]].map(play));
  });

  // Killed last: nothing brings it back.
  test.each(['SIGSTOP', 'SIGKILL'] as const)('playback goes on when A is lost by %s', async (signal) => {
    const { pid } = (await stack.file()).dataCenters.a;
    const names: PlayerName[] = ['hls.js', 'dash.js with Smooth', 'shaka with DASH'];
    const players = await Promise.all(
      names.map((name) => openPlayer(browser, name, report.edge[formatOf[name]], { bufferSeconds: 4 })),
    );
    try {
      await Promise.all(players.map((player) => player.playsPast(1)));
      process.kill(pid, signal);
      await Promise.all(players.map((player) => player.playsPast(clipSeconds - 0.5, 60)));
      for (const player of players) expect(await player.fatalErrors()).toEqual([]);
    } finally {
      if (signal === 'SIGSTOP') process.kill(pid, 'SIGCONT');
      await Promise.all(players.map((player) => player.close()));
    }
  });
});
