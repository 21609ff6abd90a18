import type { ExitCode } from '../exit-code.ts';
import type { FailoverApi } from '../failover-api.ts';
import { follow } from '../follow.ts';
import type { Progress } from '../progress.ts';
import { showOperation } from '../show-operation.ts';
import { StoppedError } from '../stopped.ts';
import type { GlobalOptions } from './options.ts';

/**
 * Follows a run to its end and prints it.
 * @throws StoppedError when the signal aborts, with how to follow it again; and what `follow` throws
 */
export async function followRun(
  api: FailoverApi,
  operationId: string,
  options: GlobalOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<ExitCode> {
  try {
    return showOperation(await follow(api, operationId, progress, { signal }), options.json === true);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new StoppedError(`The run goes on. Follow it again: ${commandToFollow(operationId, options)}`);
  }
}

export function commandToFollow(operationId: string, { url, dataDir }: GlobalOptions): string {
  const place = [
    ...(url === undefined ? [] : ['--url', url]),
    ...(dataDir === undefined ? [] : ['--data-dir', quoted(dataDir)]),
  ];
  return ['failover', 'status', operationId, '--watch', ...place].join(' ');
}

/** As a shell takes it. */
function quoted(text: string): string {
  return /^[\w./:=@+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
