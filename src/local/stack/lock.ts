import { randomBytes } from 'node:crypto';
import { access, constants, link, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { identityOf, isRunning, signalGroup } from './process-identity.ts';
import { isMissing, readJson, writePrivateJson } from './private-file.ts';

const identity = z.object({ pid: z.number().int().positive(), started: z.string().optional() });
const lockContent = z.object({
  token: z.string(),
  owner: identity,
  /** What the owner started and must not outlive it, in the order of the start. */
  processes: z.array(identity.extend({ name: z.string() })),
});
type LockContent = z.infer<typeof lockContent>;

/** Another stack works on this data directory. */
export class DataDirectoryInUseError extends Error {
  override readonly name = 'DataDirectoryInUseError';
  readonly code = 'data-directory-in-use';
  readonly pid: number;

  constructor(directory: string, pid: number) {
    super(
      `${directory} is in use by another stack, process ${pid}. End that one first, or give another --data-dir.`,
    );
    this.pid = pid;
  }
}

/** The data directory cannot be made, or nothing can be written in it. */
export class DataDirectoryUnusableError extends Error {
  override readonly name = 'DataDirectoryUnusableError';
  readonly code = 'data-directory-unusable';

  constructor(directory: string, cause: unknown) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    super(`${directory} cannot be written (${reason}). Give another --data-dir.`, { cause });
  }
}

export interface DataDirectoryLock {
  /** Notes a process that must be gone before another stack may work here; it replaces one of the same name. */
  add(name: string, pid: number): Promise<void>;
  release(): Promise<void>;
}

/**
 * Takes a data directory for one stack: two storage emulators on one folder lose data. The lock of a dead process is
 * taken over, after what that one left running has ended.
 * @throws DataDirectoryInUseError, DataDirectoryUnusableError
 */
export async function lockDataDirectory(
  directory: string,
  notice: (text: string) => void,
): Promise<DataDirectoryLock> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.W_OK);
  } catch (error) {
    throw new DataDirectoryUnusableError(directory, error);
  }
  const path = join(directory, 'lock');
  const own: LockContent = {
    token: randomBytes(16).toString('hex'),
    owner: identityOf(process.pid),
    processes: [],
  };
  while (!(await create(path, own))) {
    const found = await read(path);
    if (found === undefined) continue;
    if (isRunning(found.owner)) {
      throw new DataDirectoryInUseError(directory, found.owner.pid);
    }
    notice(`The stack of process ${found.owner.pid} ended without releasing ${directory}; taking it over.`);
    await endLeftovers(found, notice);
    await removeStale(path, found);
  }
  return keep(path, own);
}

function keep(path: string, own: LockContent): DataDirectoryLock {
  let content = own;
  let written = Promise.resolve();
  return {
    add(name, pid) {
      const others = content.processes.filter((known) => known.name !== name);
      content = { ...content, processes: [...others, { name, ...identityOf(pid) }] };
      const snapshot = content;
      written = written.then(() => writePrivateJson(path, snapshot));
      return written;
    },
    async release() {
      await written;
      await rm(path, { force: true });
    },
  };
}

/** False when there is a lock already. A link appears with its whole content, unlike a file being written. */
async function create(path: string, content: LockContent): Promise<boolean> {
  const temporary = `${path}.${content.token}`;
  await writeFile(temporary, JSON.stringify(content), { mode: 0o600 });
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function read(path: string): Promise<LockContent | undefined> {
  const content = await readJson(path);
  return content === undefined ? undefined : lockContent.parse(content);
}

/**
 * Removes the lock we found stale, and only that one: another stack may have taken it over since we looked. Renaming
 * decides who removes it; a fresh lock that was caught by it is put back.
 */
async function removeStale(path: string, stale: LockContent): Promise<void> {
  const aside = `${path}.${randomBytes(16).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  const moved = await read(aside);
  if (moved?.token !== stale.token) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

/** Ends what a killed stack left behind: its caretaker needs a moment, and may have been killed itself. */
async function endLeftovers(found: LockContent, notice: (text: string) => void): Promise<void> {
  const left = (): LockContent['processes'] => found.processes.filter(isRunning);
  if (await waitFor(() => left().length === 0, 20_000)) return;
  for (const { name, pid, started } of left()) {
    if (started === undefined) {
      throw new Error(
        `Process ${pid} (${name}) of the earlier stack seems to run still. End it, then start again.`,
      );
    }
    notice(`Ending ${name} (process ${pid}), which the earlier stack left running.`);
    signalGroup(pid, 'SIGKILL');
  }
  if (!(await waitFor(() => left().length === 0, 5000))) {
    throw new Error(
      'Processes of the earlier stack do not end. Restart the machine, or give another --data-dir.',
    );
  }
}

async function waitFor(condition: () => boolean, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > end) return false;
    await delay(50);
  }
  return true;
}
