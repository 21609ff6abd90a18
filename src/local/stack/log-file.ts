import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';

const readBytes = 16 * 1024;

/** The last lines of a log, structured ones shortened to what a person reads. */
export function lastLines(path: string, count: number): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return '  (there is none)';
  }
  try {
    const { size } = fstatSync(file);
    const buffer = Buffer.alloc(Math.min(size, readBytes));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    const lines = buffer
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
    if (lines.length === 0) return '  (it is empty)';
    return lines
      .slice(-count)
      .map((line) => `  ${readable(line)}`)
      .join('\n');
  } finally {
    closeSync(file);
  }
}

/** Makes the folder of the logs. Those of the run before are kept under another name, so that this run's begin empty. */
export async function prepareLogs(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const file of await readdir(directory)) {
    if (!file.endsWith('.log') || file.endsWith('.previous.log')) continue;
    await rename(join(directory, file), join(directory, file.replace(/\.log$/, '.previous.log')));
  }
}

function readable(line: string): string {
  if (!line.startsWith('{')) return line;
  try {
    const { msg, err } = JSON.parse(line) as { msg?: unknown; err?: { message?: unknown } };
    const parts = [msg, err?.message].filter((part) => typeof part === 'string' && part !== '');
    return parts.length > 0 ? parts.join(': ') : line;
  } catch {
    return line;
  }
}
