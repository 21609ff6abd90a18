import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DataDirectoryInUseError, lockDataDirectory } from '../../../src/local/stack/lock.ts';
import { identityOf, isRunning } from '../../../src/local/stack/process-identity.ts';

let directory: string;
let notices: string[];
const notice = (text: string): void => void notices.push(text);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lock-'));
  notices = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A process that does nothing, in a group of its own. */
function sleeper(): { pid: number; ended: Promise<unknown> } {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
    detached: true,
    stdio: 'ignore',
  });
  return { pid: child.pid!, ended: once(child, 'exit') };
}

async function ended(): Promise<number> {
  const { pid, ended } = sleeper();
  process.kill(pid, 'SIGKILL');
  await ended;
  return pid;
}

async function writeLock(content: unknown): Promise<void> {
  await writeFile(join(directory, 'lock'), JSON.stringify(content));
}

describe('the lock of a data directory', () => {
  test('refuses a second stack and names the first', async () => {
    const lock = await lockDataDirectory(directory, notice);
    const second = lockDataDirectory(directory, notice);
    await expect(second).rejects.toThrow(DataDirectoryInUseError);
    await expect(second).rejects.toThrow(`process ${process.pid}`);
    await lock.release();
    const third = await lockDataDirectory(directory, notice);
    await third.release();
    expect(await readdir(directory)).toEqual([]);
  });

  test('is readable by this user only', async () => {
    const lock = await lockDataDirectory(directory, notice);
    await lock.add('x', process.pid);
    expect((await stat(join(directory, 'lock'))).mode & 0o777).toBe(0o600);
    await lock.release();
  });

  test('of a dead process is taken over, and said so', async () => {
    await writeLock({ token: 'old', owner: { pid: await ended() }, processes: [] });
    const lock = await lockDataDirectory(directory, notice);
    expect(notices.join()).toContain('taking it over');
    await lock.release();
  });

  test('of a process id that another program has now is taken over', async () => {
    await writeLock({
      token: 'old',
      owner: { pid: process.pid, started: 'another boot:1' },
      processes: [],
    });
    const lock = await lockDataDirectory(directory, notice);
    await lock.release();
  });

  test('goes to one of several that take a dead one over at once', async () => {
    await writeLock({ token: 'old', owner: { pid: await ended() }, processes: [] });
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, () => lockDataDirectory(directory, notice)),
    );
    const taken = attempts.filter((attempt) => attempt.status === 'fulfilled');
    expect(taken).toHaveLength(1);
    for (const attempt of attempts) {
      if (attempt.status === 'rejected') expect(attempt.reason).toBeInstanceOf(DataDirectoryInUseError);
    }
    await taken[0]!.value.release();
    expect(await readdir(directory)).toEqual([]);
  });

  test('waits until what a killed stack had started has ended', async () => {
    const left = sleeper();
    const processes = [{ name: 'azurite', ...identityOf(left.pid) }];
    await writeLock({ token: 'old', owner: { pid: await ended() }, processes });
    const taking = lockDataDirectory(directory, notice);
    expect(isRunning(identityOf(left.pid))).toBe(true);
    process.kill(left.pid, 'SIGKILL');
    await left.ended;
    await (await taking).release();
  });

  test('that is no longer JSON is told with its path', async () => {
    await writeFile(join(directory, 'lock'), '{"tok');
    await expect(lockDataDirectory(directory, notice)).rejects.toThrow(join(directory, 'lock'));
    expect(await readFile(join(directory, 'lock'), 'utf8')).toBe('{"tok');
  });
});
