import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findFfmpeg } from '../../../src/media-service/encoder/find-ffmpeg.ts';
import { systemFfmpeg } from './encoder-kit.ts';

let folder: string;
const nothing = { ffmpegPath: undefined, ffprobePath: undefined, searchPath: undefined };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'find-ffmpeg-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the setting comes first, then PATH, then the npm packages', async () => {
  const onPath = await systemFfmpeg();
  expect(onPath).toMatchObject({ ffmpegFrom: 'PATH', ffprobeFrom: 'PATH' });

  const named = join(folder, 'named ffmpeg');
  await symlink(onPath.ffmpeg, named);
  const set = await findFfmpeg({ ...nothing, ffmpegPath: named });
  expect(set).toMatchObject({ ffmpeg: named, ffmpegFrom: 'setting', ffprobeFrom: 'npm package' });
  expect(set.version).toMatch(/^ffmpeg version/);

  const packaged = await findFfmpeg(nothing);
  expect(packaged).toMatchObject({ ffmpegFrom: 'npm package', ffprobeFrom: 'npm package' });
});

test('a setting that names nothing usable is an error, not passed over', async () => {
  const missing = join(folder, 'missing');
  await expect(findFfmpeg({ ...nothing, ffmpegPath: missing })).rejects.toThrow(/FFMPEG_PATH/);
});

test('an ffmpeg on PATH that cannot make H.264 is passed over', async () => {
  const poor = join(folder, 'ffmpeg');
  await writeFile(poor, '#!/bin/sh\necho "ffmpeg version poor"\n');
  await chmod(poor, 0o755);
  const found = await findFfmpeg({ ...nothing, searchPath: [folder, '/nowhere'].join(delimiter) });
  expect(found.ffmpegFrom).toBe('npm package');
});
