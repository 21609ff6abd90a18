/**
 * Real players in a real Chromium, for tests: a page with one player, told what to play, watched until it has played
 * past a position. Every page has a browser context of its own, so nothing comes from another page's cache.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { describe } from 'vitest';

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);

const missing = executablePath === undefined ? 'no Chromium is installed' : undefined;
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(`CI needs it: ${missing}`);

/** `describe` for tests that need a browser: without one they are skipped, with the reason; with CI=true that fails. */
export function describeInBrowser(name: string, tests: () => void): void {
  describe.skipIf(missing)(missing === undefined ? name : `${name} (${missing})`, tests);
}

const switches = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  '--mute-audio',
];

export async function launchChromium(): Promise<Browser> {
  if (executablePath === undefined) throw new Error('No Chromium is installed');
  return chromium.launch({ executablePath, args: switches });
}

/** The players a stream must play in, with the format each one asks for. */
export type PlayerName = 'hls.js' | 'dash.js' | 'dash.js with Smooth' | 'shaka with HLS' | 'shaka with DASH';

export const formatOf: Readonly<Record<PlayerName, 'hls' | 'dash' | 'smooth'>> = {
  'hls.js': 'hls',
  'dash.js': 'dash',
  'dash.js with Smooth': 'smooth',
  'shaka with HLS': 'hls',
  'shaka with DASH': 'dash',
};

const packages = createRequire(import.meta.url);
const hlsJs = 'hls.js/dist/hls.min.js';
const dashJs = 'dashjs';
const dashJsSmooth = 'dashjs/mss';
const shaka = 'shaka-player/dist/shaka-player.compiled.js';

const shakaPlayer = {
  scripts: [shaka],
  start: `
    shaka.polyfill.installAll();
    const player = window.player = new shaka.Player();
    player.configure('streaming.bufferingGoal', bufferSeconds);
    player.addEventListener('error', ({ detail }) => report('shaka ' + detail.code + ' ' + detail.data?.[0]));
    player.attach(video).then(() => player.load(url)).catch((error) => report('shaka ' + error.code + ' ' + error.data?.[0]));
  `,
};
const dashPlayer = `
  const player = window.player = dashjs.MediaPlayer().create();
  player.updateSettings({ streaming: { buffer: {
    bufferTimeDefault: bufferSeconds, bufferTimeAtTopQuality: bufferSeconds, bufferTimeAtTopQualityLongForm: bufferSeconds,
  } } });
  player.on('error', ({ error }) => report('dash.js ' + error.code + ' ' + error.message));
  player.initialize(video, url, true);
`;

/** What a page loads and runs; `video`, `url`, `bufferSeconds` and `report` are there. */
const players: Readonly<Record<PlayerName, { readonly scripts: readonly string[]; readonly start: string }>> =
  {
    'hls.js': {
      scripts: [hlsJs],
      start: `
      const player = window.player = new Hls({ maxBufferLength: bufferSeconds, maxMaxBufferLength: bufferSeconds });
      player.on(Hls.Events.ERROR, (_, { fatal, details, error }) => {
        (fatal ? report : note)('hls.js ' + details + ' ' + error?.message);
      });
      player.loadSource(url);
      player.attachMedia(video);
    `,
    },
    'dash.js': { scripts: [dashJs], start: dashPlayer },
    'dash.js with Smooth': { scripts: [dashJs, dashJsSmooth], start: dashPlayer },
    'shaka with HLS': shakaPlayer,
    'shaka with DASH': shakaPlayer,
  };

function html(name: PlayerName, url: string, bufferSeconds: number): string {
  const { scripts, start } = players[name];
  return `<!doctype html><title>${name}</title><video id="video" muted autoplay playsinline></video>
${scripts.map((script) => `<script src="/${script}"></script>`).join('\n')}
<script>
  const [url, bufferSeconds] = ${JSON.stringify([url, bufferSeconds])};
  const video = document.getElementById('video');
  window.fatal = []; window.notes = [];
  const report = (text) => window.fatal.push(text);
  const note = (text) => window.notes.push(text);
  video.addEventListener('error', () => report('video ' + video.error.code + ' ' + video.error.message));
  ${start}
</script>`;
}

export interface OpenOptions {
  /** How far ahead the player loads; default 30. */
  readonly bufferSeconds?: number;
}

/** A page with a player that has been told to play. */
export interface PlayerPage {
  readonly page: Page;
  /** Seconds. */
  position(): Promise<number>;
  /** Where the buffer around the position ends, seconds. */
  bufferedTo(): Promise<number>;
  /**
   * Waits until it has played (not been set) past a position and pictures were decoded.
   * @throws Error telling what the player is doing, when it takes longer than the patience or the player gives up
   */
  playsPast(seconds: number, patienceSeconds?: number): Promise<void>;
  /** Sets the position and waits until it plays on from there. */
  seek(seconds: number): Promise<void>;
  /** Errors that the player gave up on. */
  fatalErrors(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Opens a page of its own with a player that plays `url` at once. */
export async function openPlayer(
  browser: Browser,
  name: PlayerName,
  url: string,
  { bufferSeconds = 30 }: OpenOptions = {},
): Promise<PlayerPage> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').slice(1);
    if (path === '') {
      response.setHeader('Content-Type', 'text/html; charset=utf-8').end(html(name, url, bufferSeconds));
    } else if (players[name].scripts.includes(path)) {
      void readFile(packages.resolve(path)).then((script) => response.end(script));
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return watch(page, context, async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
}

/** Watches the element `#video` of a page that plays: also that of the project's own player page. */
export function watch(page: Page, context: BrowserContext, closed?: () => Promise<void>): PlayerPage {
  const position = (): Promise<number> => page.evaluate<number>('video.currentTime');
  const describe = (): Promise<string> =>
    page.evaluate<string>(`JSON.stringify({
      position: video.currentTime, duration: video.duration, paused: video.paused, ended: video.ended, seeking: video.seeking,
      readyState: video.readyState, error: video.error?.message,
      buffered: Array.from({ length: video.buffered.length }, (_, i) => [video.buffered.start(i), video.buffered.end(i)]),
      pictures: video.getVideoPlaybackQuality().totalVideoFrames, fatal: window.fatal, notes: window.notes?.slice(-5),
    })`);
  const playsPast = async (seconds: number, patienceSeconds = 30): Promise<void> => {
    const played = `!video.seeking && video.currentTime > ${seconds} && video.getVideoPlaybackQuality().totalVideoFrames > 0`;
    const giveUp = Date.now() + patienceSeconds * 1000;
    // Not waitForFunction: it needs eval in the page, which the player page's content security policy forbids.
    while (!(await page.evaluate<boolean>(played))) {
      const gaveUp = await page.evaluate<boolean>('window.fatal?.length > 0');
      if (gaveUp || Date.now() > giveUp) {
        const what = gaveUp
          ? 'The player gave up'
          : `Not played past ${seconds} s within ${patienceSeconds} s`;
        throw new Error(`${what}: ${await describe()}`);
      }
      await setTimeout(50);
    }
  };
  return {
    page,
    position,
    playsPast,
    bufferedTo: () =>
      page.evaluate<number>(
        '(() => { for (let i = 0; i < video.buffered.length; i++)' +
          ' if (video.buffered.start(i) <= video.currentTime + 0.1 && video.buffered.end(i) >= video.currentTime) return video.buffered.end(i);' +
          ' return video.currentTime; })()',
      ),
    async seek(seconds) {
      await page.evaluate(`video.currentTime = ${seconds}; void video.play()`);
      await playsPast(seconds + 0.25);
    },
    fatalErrors: () => page.evaluate<string[]>('window.fatal ?? []'),
    async close() {
      await context.close();
      await closed?.();
    },
  };
}
