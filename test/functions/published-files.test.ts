import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

it('publishes the app from the folder of the project, and nothing else of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'published-files-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  // The tool reads its file as git reads this one.
  await copyFile('.funcignore', join(folder, '.gitignore'));
  execFileSync('git', ['init', '--quiet', folder]);
  const published = (path: string): boolean => {
    try {
      execFileSync('git', ['check-ignore', '--quiet', '--no-index', path], { cwd: folder });
      return false;
    } catch {
      return true;
    }
  };
  const app = [
    'host.json',
    'package.json',
    'dist/functions/main.js',
    'dist/functions/applicationinsights.js',
  ];
  const others = [
    'node_modules/croner/package.json',
    '.local/stack.json',
    'local.settings.json',
    'sample/film.mp4',
    'src/functions/main.ts',
    'dist/cli/main.mjs',
    'dist/functions/main.js.map',
  ];
  expect([...app, ...others].filter(published)).toEqual(app);
});

it('lets a step read a whole video: no limit of minutes ends it', async () => {
  const { functionTimeout } = JSON.parse(await readFile('host.json', 'utf8')) as { functionTimeout: string };
  expect(functionTimeout).toBe('02:00:00');
});
