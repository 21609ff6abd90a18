import type { Command } from 'commander';
import { ApiError } from '../failover-api.ts';
import { follow } from '../follow.ts';
import { progressOn } from '../progress.ts';
import { showOperation } from '../show-operation.ts';
import { apiFor, type Finish, type GlobalOptions } from './options.ts';

interface StatusOptions extends GlobalOptions {
  readonly watch?: true;
}

const more = `
Examples:
  failover status hello-0123456789abcdef              as it is now
  failover status hello-0123456789abcdef --watch      until it has ended`;

export function addStatus(program: Command, finish: Finish): void {
  program
    .command('status')
    .summary('what an operation does, or did')
    .description('Shows an operation: its step and progress, its result, or why it failed.')
    .argument('<operation>', 'its id, as submit prints it')
    .option('--watch', 'follow it until it has ended')
    .addHelpText('after', more)
    .action(async (id: string, _options, command: Command) => {
      const options = command.optsWithGlobals<StatusOptions>();
      const api = await apiFor(options);
      const progress = progressOn(process.stderr);
      try {
        const operation = options.watch === true ? await follow(api, id, progress) : await api.operation(id);
        if (operation === undefined) throw new ApiError(404, 'not-found', `There is no operation ${id}.`);
        finish(showOperation(operation, options.json === true));
      } finally {
        progress.end();
      }
    });
}
