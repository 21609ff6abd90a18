#!/usr/bin/env node
/** The command `failover`. */
import { Command, CommanderError } from 'commander';
import { addList } from './commands/list.ts';
import { addGlobalOptions, type Finish } from './commands/options.ts';
import { addOutage, addRestart } from './commands/outage.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import { adviceOn, exitCode, exitCodeOf, type ExitCode } from './exit-code.ts';
import { styleOn } from './terminal.ts';

const more = `
Where it works: the Function App at --url (or FAILOVER_URL) with --key (or FAILOVER_KEY); without them the
local stack that \`npm start\` runs in this folder or one above.

Exit codes: 0 done; 1 the run failed or was canceled; 2 wrong arguments or a refused request; 3 nothing
answers, or no stack runs here; 4 no such stream or operation; 5 the key is missing or wrong; 6 the stream id
belongs to another input, or another operation is changing that stream; 130 Ctrl-C.

Examples:
  failover submit film.mp4                 publish a file in both data centers and follow it
  failover status film                     that stream in both data centers
  failover list                            every published stream
  failover outage start a                  take data center A of the local stack away
  failover outage end a                    and bring it back`;

async function run(): Promise<ExitCode> {
  let code: ExitCode = exitCode.ok;
  const finish: Finish = (given) => (code = given);
  const program = addGlobalOptions(new Command('failover'))
    .description('On-demand video that keeps playing when a data center is lost.')
    .showHelpAfterError('Try --help.')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', more)
    .exitOverride();
  addSubmit(program, finish);
  addStatus(program, finish);
  addList(program, finish);
  addOutage(program, finish);
  addRestart(program, finish);
  try {
    await program.parseAsync();
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    const style = styleOn(process.stderr);
    const text = error instanceof Error ? error.message : String(error);
    const advice = adviceOn(error);
    process.stderr.write(`${style('red', 'error:')} ${text}\n${advice === undefined ? '' : `${advice}\n`}`);
    return exitCodeOf(error);
  }
}

process.exitCode = await run();
