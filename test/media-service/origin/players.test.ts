import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findFfmpeg } from '../../../src/media-service/encoder/find-ffmpeg.ts';
import { describeInBrowser, formatOf, launchChromium, openPlayer, type PlayerName } from '../../browser.ts';
import { FolderContent } from './folder-content.ts';
import { below, helloFolder, startOrigin, type OriginServer } from './origin-server.ts';

const run = promisify(execFile);
const formats = { smooth: '', hls: '(format=m3u8-cmaf)', dash: '(format=mpd-time-cmaf)' } as const;

/** The players are held to the encoder's own assets by test/browser; here to what else may be stored. */
describeInBrowser('players and other assets', () => {
  let browser: Browser;
  let folder: string;
  let server: OriginServer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'origin-players-'));
    browser = await launchChromium();
    server = await startOrigin(new FolderContent(folder), { publicationFreshness: 60_000 });
    await cp(helloFolder, folder, { recursive: true });
    const manifest = await readFile(join(folder, 'hello.ism'), 'utf8');
    await writeFile(join(folder, 'silent.ism'), manifest.replace(/<audio[^]*<\/audio>/, ''));
    await encodeElsewhere(folder);
    await writeFile(
      join(folder, 'Grüße aus 東京.ism'),
      '<smil><body><switch><video src="Grüße%20aus 東京.cmfv" systemBitrate="500000"/>' +
        '<audio src="sound.cmfa" systemBitrate="96000" systemLanguage="de"><param name="trackName" value="aac_de_2_96"/></audio>' +
        '</switch></body></smil>',
    );
  });
  afterAll(async () => {
    await Promise.all([browser.close(), server.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  const play = async (name: PlayerName, stream: string): Promise<void> => {
    const path = below(`${encodeURIComponent(stream)}/manifest${formats[formatOf[name]]}`);
    const player = await openPlayer(browser, name, server.url + path, { bufferSeconds: 2 });
    try {
      await player.playsPast(0.5);
      await player.seek(5);
      await player.seek(2);
      await player.page.evaluate('video.currentTime = 7.6; void video.play()');
      await player.page.waitForFunction('video.ended', undefined, { timeout: 20_000, polling: 50 });
      expect(await player.fatalErrors()).toEqual([]);
    } finally {
      await player.close();
    }
  };
  const every = Object.keys(formatOf) as PlayerName[];

  it.each(every)(
    '%s plays 29.97 pictures a second, sound with an edit list, no index, a name of any script; and no sound',
    async (name) => {
      await Promise.all([play(name, 'Grüße aus 東京.ism'), play(name, 'silent.ism')]);
    },
  );
});

/** As another encoder stores it: no `sidx`, priming hidden by an edit list, a frame rate that is no whole number. */
async function encodeElsewhere(folder: string): Promise<void> {
  const { ffmpeg } = await findFfmpeg({
    ffmpegPath: undefined,
    ffprobePath: undefined,
    searchPath: process.env['PATH'],
  });
  await run(ffmpeg, [
    ...['-nostdin', '-v', 'error', '-i', 'sample/movie-hello.mp4'],
    ...['-map', '0:v:0', '-vf', 'scale=320:180,fps=30000/1001,format=yuv420p', '-c:v', 'libx264'],
    ...['-preset', 'ultrafast', '-bf', '2', '-b:v', '400k', '-force_key_frames', 'expr:gte(t,n_forced*2)'],
    ...['-x264-params', 'scenecut=0:open-gop=0', '-video_track_timescale', '30000'],
    ...['-movflags', '+frag_keyframe+empty_moov+default_base_moof+negative_cts_offsets'],
    ...['-f', 'mp4', join(folder, 'Grüße aus 東京.cmfv')],
    ...['-map', '0:a:0', '-c:a', 'aac', '-b:a', '96k', '-ac', '2'],
    ...['-movflags', '+delay_moov+default_base_moof', '-frag_duration', '2000000'],
    ...['-f', 'mp4', join(folder, 'sound.cmfa')],
  ]);
}
