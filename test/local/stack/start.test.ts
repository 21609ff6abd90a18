/** What `npm start` says, and ends with, when it cannot begin. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startStack, type StackOptions } from '../../e2e/local-stack.ts';

const run = promisify(execFile);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'start-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function outcome(
  parameters: readonly string[],
  options: Partial<StackOptions> = {},
): Promise<{ code: number | null; output: string; stdout: string }> {
  const stack = startStack({ dataDirectory: join(folder, 'data'), parameters, ...options });
  const { code } = await stack.ended;
  return { code, output: stack.output(), stdout: stack.stdout() };
}

describe('npm start', () => {
  test('ends with 3 when Core Tools are asked for and missing, and leaves nothing', async () => {
    const ended = await outcome(['--functions-host', 'func'], { environment: { PATH: folder } });
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.output).toContain('Azure Functions Core Tools (`func`) are not on PATH');
    expect(ended.output).toContain('--functions-host local');
    expect((await readdir(join(folder, 'data'))).sort()).toEqual(['logs', 'settings.json']);
  });

  test('ends with 3 when the data directory cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    const ended = await outcome([], { dataDirectory: join(folder, 'file', 'data') });
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.output).toBe(
      `${join(folder, 'file', 'data')} cannot be written (ENOTDIR). Give another --data-dir.\n`,
    );
  });

  test.for([
    [['--functions-host', 'azure'], '--functions-host'],
    [['--frobnicate'], '--frobnicate'],
    [['--input', '/nowhere/film.mp4'], '/nowhere/film.mp4'],
    [['--input', '/'], 'is not a file'],
    [['film.mp4'], 'too many arguments'],
  ] as const)('ends with 2 for the arguments %j', async ([parameters, said]) => {
    const ended = await outcome(parameters);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.output).toContain(said);
    expect(await readdir(folder)).toEqual([]);
  });

  test('says which Node.js it needs when this one is too old', async () => {
    const older = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.1' } })`;
    const built = run(process.execPath, ['--import', `data:text/javascript,${older}`, 'build.mjs']);
    await expect(built).rejects.toMatchObject({
      code: 1,
      stderr: 'Node.js 20.19 or newer is needed; this is 20.18.1.\n',
    });
  });
});
