import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ProcessCopy, ProcessCopyResult } from '../../bench/copy-process.ts';

/** Runs a copy in a process of its own, so that its memory can be told. */
export async function copyInProcess(copy: ProcessCopy): Promise<ProcessCopyResult> {
  const { stdout } = await promisify(execFile)(process.execPath, ['dist/bench/copy-process.mjs'], {
    env: { COPY: JSON.stringify(copy) },
  });
  return JSON.parse(stdout) as ProcessCopyResult;
}
