import type { Command } from 'commander';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { ApiError, type FailoverApi, type Operation } from '../failover-api.ts';
import { progressOn, type Progress } from '../progress.ts';
import { showOperation } from '../show-operation.ts';
import { showStream } from '../show-stream.ts';
import { followRun } from './follow-run.ts';
import { apiFor, type GlobalOptions, type Invocation } from './options.ts';

interface StatusOptions extends GlobalOptions {
  readonly watch?: true;
}

const more = `
Examples:
  failover status film                           both sides, and the latest run
  failover status film --watch                   the latest run, until it ended
  failover status film-0123456789abcdef --watch  that run, until it ended`;

export function addStatus(program: Command, { finish, signal }: Invocation): void {
  program
    .command('status')
    .summary('a stream in both data centers, or an operation')
    .description(
      'Shows a stream as both data centers have it, or an operation: its step and progress, its result, ' +
        'or why it failed.',
    )
    .argument('<id>', 'of a stream, or of an operation as submit prints it')
    .option('--watch', "follow the operation, or the stream's latest one, until it has ended")
    .addHelpText('after', more)
    .action(async (id: string, _options, command: Command) => {
      const options = command.optsWithGlobals<StatusOptions>();
      const progress = progressOn(process.stderr);
      try {
        finish(await status(await apiFor(options, signal), id, options, progress, signal));
      } finally {
        progress.end();
      }
    });
}

async function status(
  api: FailoverApi,
  id: string,
  options: StatusOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<ExitCode> {
  const json = options.json === true;
  const show = async (operation: Operation): Promise<ExitCode> =>
    options.watch === true && operation.status === 'running'
      ? await followRun(api, operation.operationId, options, progress, signal)
      : showOperation(operation, json);
  const operation = await api.operation(id);
  if (operation !== undefined) return await show(operation);

  const { stream, operationId } = await api.stream(id);
  const latest = operationId === undefined ? undefined : await api.operation(operationId);
  if (latest !== undefined && (options.watch === true || stream === undefined)) return await show(latest);
  if (stream === undefined) {
    throw new ApiError(404, 'not-found', `There is no stream and no operation ${id}. See: failover list`);
  }
  showStream(stream, json, latest?.status === 'running' ? latest : undefined);
  return exitCode.ok;
}
