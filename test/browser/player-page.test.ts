import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { launchChromium, describeInBrowser, watch, type PlayerPage } from '../browser.ts';
import { startTwoDataCenters, streamPath, type TwoDataCenters } from './processes.ts';

describeInBrowser('the player page', () => {
  let browser: Browser;
  let centers: TwoDataCenters;
  let opened: PlayerPage[] = [];

  beforeAll(async () => {
    const edgeArguments = ['--headers-limit', '1000', '--stall-limit', '1000'];
    [browser, centers] = await Promise.all([launchChromium(), startTwoDataCenters({ edgeArguments })]);
  });
  afterEach(async () => {
    await Promise.all(opened.map((player) => player.close()));
    opened = [];
  });
  afterAll(async () => {
    await Promise.all([browser.close(), centers.close()]);
  });

  /** Everything the browser complains about, but for the answers it was meant to get. */
  const complaints: string[] = [];

  async function open(query: string, prepare?: (page: Page) => Promise<unknown>): Promise<PlayerPage> {
    const context = await browser.newContext();
    const page = await context.newPage();
    await prepare?.(page);
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (entry) => {
      const text = entry.text();
      if (entry.type() === 'error' && !text.startsWith('Failed to load resource')) complaints.push(text);
    });
    await page.goto(`${centers.edge.url}/player${query}`);
    const player = watch(page, context);
    opened.push(player);
    return player;
  }

  const has = (page: Page, selector: string, words: string): Promise<void> =>
    page.locator(selector, { hasText: words }).first().waitFor({ timeout: 30_000 });

  it('shows which data center serves, plays on from B while A hangs, and goes back to A', async () => {
    const player = await open(`?stream=${streamPath}`);
    const { page } = player;
    await player.playsPast(1);
    await has(page, '#served', 'Served by data center A');
    expect(await page.title()).toBe('hello · Failover streaming');
    const links = "Array.from(document.querySelectorAll('#formats a'), (link) => link.href)";
    expect(await page.evaluate<string[]>(links)).toEqual(
      ['(format=m3u8-cmaf)', '(format=mpd-time-csf)', ''].map(
        (format) => `${centers.edge.url}${streamPath}/manifest${format}`,
      ),
    );
    centers.a.kill('SIGSTOP');
    await has(page, '#served', 'Served by data center B');
    await has(page, '.center:has(.key.a) .state', 'resting');
    await has(page, '#failovers', 'A ');
    expect(await page.locator('#strip rect.b').count()).toBeGreaterThan(0);
    await player.playsPast(0.5);
    centers.a.kill('SIGCONT');
    await has(page, '.center:has(.key.a) .state', 'well');
    await has(page, '#served', 'Served by data center A');
    expect(complaints).toEqual([]);
  });

  it('says so when no data center answers, and plays when one does again', async () => {
    centers.a.kill('SIGSTOP');
    centers.b.kill('SIGSTOP');
    const player = await open(`?stream=${streamPath}`);
    await has(player.page, '#message:visible', 'No data center can answer at the moment.');
    centers.a.kill('SIGCONT');
    centers.b.kill('SIGCONT');
    await player.playsPast(1);
    await player.page.locator('#message').waitFor({ state: 'hidden' });
  });

  it('tells in plain words what it cannot play', async () => {
    const tells = async (query: string, words: string): Promise<void> => {
      const { page } = await open(query);
      await has(page, '#message', words);
    };
    await Promise.all([
      tells('?stream=/00000000-0000-4000-8000-000000000000/hello.ism', 'This stream is not published here'),
      tells('', 'Nothing to play: add ?stream='),
      tells('?stream=hello.mp4', '“hello.mp4” is not a stream'),
      tells('?hls=javascript:alert(1)', 'is not an http address'),
    ]);
  });

  it('gives up what the browser cannot decode', async () => {
    const { page } = await open(`?stream=${streamPath}`, (opening) =>
      opening.route(/Fragments\(video=\d/, async (route) => {
        const response = await route.fetch();
        const body = await response.body();
        await route.fulfill({ response, body: body.fill(0xff, body.indexOf('mdat') + 4) });
      }),
    );
    await has(page, '#message:visible', 'This browser cannot decode the video.');
  });

  it("plays a data center's own address, and shows its host", async () => {
    const player = await open(
      `?hls=${encodeURIComponent(`${centers.b.url}${streamPath}/manifest(format=m3u8-cmaf)`)}`,
    );
    await player.playsPast(0.5);
    await has(player.page, '#served', new URL(centers.b.url).host);
  });
});
