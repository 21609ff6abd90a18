import type { Command } from 'commander';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { ApiError, type FailoverApi, type Operation } from '../failover-api.ts';
import { follow } from '../follow.ts';
import { progressOn, type Progress } from '../progress.ts';
import { showOperation } from '../show-operation.ts';
import { showStream } from '../show-stream.ts';
import { apiFor, type Finish, type GlobalOptions } from './options.ts';

interface StatusOptions extends GlobalOptions {
  readonly watch?: true;
}

const more = `
Examples:
  failover status hello                               the stream in both data centers, and its latest run
  failover status hello-0123456789abcdef --watch      that run until it has ended
  failover status hello --watch                       the latest run of that stream until it has ended`;

export function addStatus(program: Command, finish: Finish): void {
  program
    .command('status')
    .summary('a stream in both data centers, or an operation')
    .description(
      'Shows a stream as both data centers have it, or an operation: its step and progress, its result, or why it\n' +
        'failed.',
    )
    .argument('<id>', 'of a stream, or of an operation as submit prints it')
    .option('--watch', 'follow the operation until it has ended')
    .addHelpText('after', more)
    .action(async (id: string, _options, command: Command) => {
      const options = command.optsWithGlobals<StatusOptions>();
      const progress = progressOn(process.stderr);
      try {
        finish(await status(await apiFor(options), id, options, progress));
      } finally {
        progress.end();
      }
    });
}

async function status(
  api: FailoverApi,
  id: string,
  { watch, json }: StatusOptions,
  progress: Progress,
): Promise<ExitCode> {
  const ended = (operation: Operation): Promise<Operation> =>
    watch === true ? follow(api, operation.operationId, progress) : Promise.resolve(operation);
  const operation = await api.operation(id);
  if (operation !== undefined) return showOperation(await ended(operation), json === true);

  const stream = await api.stream(id);
  if (stream === undefined) {
    throw new ApiError(404, 'not-found', `There is no stream and no operation ${id}. See: failover list`);
  }
  const latest = stream.operationId === undefined ? undefined : await api.operation(stream.operationId);
  if (latest?.status !== 'running') {
    showStream(stream, json === true);
    return exitCode.ok;
  }
  if (watch === true) return showOperation(await ended(latest), json === true);
  showStream(stream, json === true, latest);
  return exitCode.ok;
}
