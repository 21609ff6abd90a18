import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { identityOf, isRunning } from '../../../src/local/stack/process-identity.ts';
import { lockDataDirectory } from '../../../src/local/stack/lock.ts';
import type { Program, ProgramEndedError } from '../../../src/local/stack/program.ts';
import { Supervisor } from '../../../src/local/stack/supervisor.ts';

const caretaker = join(import.meta.dirname, '../../../dist/local/caretaker.mjs');

let directory: string;
let surprises: string[];
let supervisor: Supervisor;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'supervisor-'));
  surprises = [];
  supervisor = new Supervisor({
    lock: await lockDataDirectory(directory, () => undefined),
    caretakerScript: caretaker,
    caretakerLogFile: join(directory, 'caretaker.log'),
    endedByItself: (_name, error: ProgramEndedError) => void surprises.push(error.message),
  });
});
afterEach(async () => {
  await supervisor.close(['first', 'second', 'parent']);
  supervisor.release();
  await rm(directory, { recursive: true, force: true });
});

function program(name: string, script: string): Program {
  return {
    name,
    command: [process.execPath, '-e', script],
    environment: {},
    workingDirectory: directory,
    logFile: join(directory, `${name}.log`),
  };
}

/** Listens, and names itself in a file when it is ended in order. */
const wellBehaved = (name: string): string => `
  require('node:http').createServer((_, answer) => answer.end('well')).listen(0, '127.0.0.1', function () {
    console.log(JSON.stringify({ listening: 'http://127.0.0.1:' + this.address().port }));
  });
  process.on('SIGTERM', () => { require('node:fs').appendFileSync('ended', '${name} '); process.exit(); });`;

const gone = async (pid: number): Promise<void> => {
  await vi.waitUntil(() => !isRunning(identityOf(pid)), { timeout: 20_000, interval: 20 });
};

describe('a stack of programs', () => {
  test('knows where each listens, and ends them in the order given', async () => {
    const { url } = await supervisor.start(program('first', wellBehaved('first')));
    await supervisor.start(program('second', wellBehaved('second')));
    expect(await (await fetch(url)).text()).toBe('well');
    await supervisor.close(['second', 'first']);
    expect(await readFile(join(directory, 'ended'), 'utf8')).toBe('second first ');
    expect(surprises).toEqual([]);
  });

  test('tells the end of the log when one does not come up', async () => {
    const broken = program('broken', `console.error('{"level":50,"msg":"no storage"}'); process.exit(3)`);
    await expect(supervisor.start(broken)).rejects.toThrow(/broken ended \(exit code 3\)[^]*no storage/);
    expect(surprises).toEqual([]);
  });

  test('tells that a port is taken', async () => {
    const { url } = await supervisor.start(program('first', wellBehaved('first')));
    const { port } = new URL(url);
    const second = supervisor.start(
      program('second', `require('node:http').createServer().listen(${port}, '127.0.0.1')`),
    );
    await expect(second).rejects.toMatchObject({ portTaken: true });
  });

  test('tells of one that ends by itself, and not of one that is taken away', async () => {
    const first = await supervisor.start(program('first', wellBehaved('first')));
    await supervisor.start(program('second', wellBehaved('second')));
    await supervisor.kill('second');
    expect(surprises).toEqual([]);
    process.kill(first.pid, 'SIGKILL');
    await vi.waitUntil(() => surprises.length > 0);
    expect(surprises.join()).toContain('first ended (SIGKILL)');
    expect([supervisor.stateOf('first'), supervisor.stateOf('second')]).toEqual(['ended', 'ended']);
  });

  test('hangs one and lets it go on', async () => {
    const { url } = await supervisor.start(program('first', wellBehaved('first')));
    supervisor.hang('first');
    expect(supervisor.stateOf('first')).toBe('hanging');
    await expect(fetch(url, { signal: AbortSignal.timeout(300) })).rejects.toThrow();
    supervisor.resume('first');
    expect(await (await fetch(url)).text()).toBe('well');
  });

  test('ends a hanging one in order too', async () => {
    await supervisor.start(program('first', wellBehaved('first')));
    supervisor.hang('first');
    await supervisor.close(['first']);
    expect(await readFile(join(directory, 'ended'), 'utf8')).toBe('first ');
  });

  test('leaves nothing of a program that was killed: what it had started ends with it', async () => {
    const parent = await supervisor.start(
      program(
        'parent',
        `const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
         require('node:fs').writeFileSync('child', String(child.pid));
         ${wellBehaved('parent')}`,
      ),
    );
    const child = Number(await readFile(join(directory, 'child'), 'utf8'));
    expect(isRunning(identityOf(child))).toBe(true);
    process.kill(parent.pid, 'SIGKILL');
    await gone(child);
  });
});

describe('the caretaker', () => {
  test('ends everything, stopped programs too, when the stack is killed', async () => {
    const sleepers = [1, 2].map(() =>
      spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }),
    );
    const watcher = spawn(process.execPath, [caretaker], { stdio: ['pipe', 'ignore', 'inherit'] });
    for (const { pid } of sleepers) watcher.stdin.write(`${JSON.stringify({ watch: pid })}\n`);
    process.kill(sleepers[0]!.pid!, 'SIGSTOP');
    const allGone = Promise.all([...sleepers, watcher].map((child) => once(child, 'exit')));
    // What a killed stack does to it.
    watcher.stdin.destroy();
    await allGone;
  });

  test('lets those live that it was told to forget', async () => {
    const sleeper = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      detached: true,
      stdio: 'ignore',
    });
    const watcher = spawn(process.execPath, [caretaker], { stdio: ['pipe', 'ignore', 'inherit'] });
    watcher.stdin.write(
      `${JSON.stringify({ watch: sleeper.pid })}\n${JSON.stringify({ forget: sleeper.pid })}\n`,
    );
    watcher.stdin.end();
    await once(watcher, 'exit');
    expect(isRunning(identityOf(sleeper.pid!))).toBe(true);
    sleeper.kill('SIGKILL');
    await once(sleeper, 'exit');
  });
});
