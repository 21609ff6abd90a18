#!/usr/bin/env node
/** The command `failover`. */
import { Command, CommanderError } from 'commander';
import { version } from '../../package.json';
import { addList } from './commands/list.ts';
import { addGlobalOptions, type GlobalOptions, type Invocation } from './commands/options.ts';
import { addOutage, addRestart } from './commands/outage.ts';
import { addStatus } from './commands/status.ts';
import { addSubmit } from './commands/submit.ts';
import { adviceOn, exitCode, exitCodeOf, type ExitCode } from './exit-code.ts';
import { outliveReaders } from './output.ts';
import { StoppedError } from './stopped.ts';
import { styleOn } from './terminal.ts';

const more = `
Where it works: the Function App at --url (or FAILOVER_URL) with --key (or
FAILOVER_KEY); without them the local stack that \`npm start\` runs in this
folder or one above.

Exit codes:
    0  done
    1  the run failed or was canceled
    2  wrong arguments, or a refused request
    3  nothing answers, or no stack runs here
    4  no such stream or operation
    5  the key is missing or wrong
    6  the stream id belongs to another input, or another operation is changing
       that stream
  130  Ctrl-C; a run that has begun goes on
With --json a failure prints {"error":{"code","message"}} on stdout.

Examples:
  failover submit film.mp4    publish a file in both data centers
  failover status film        that stream in both data centers
  failover list               every published stream
  failover outage start a     take data center A of the local stack away
  failover outage end a       and bring it back`;

async function run(signal: AbortSignal): Promise<ExitCode> {
  let code: ExitCode = exitCode.ok;
  const invocation: Invocation = { finish: (given) => (code = given), signal };
  const program = addGlobalOptions(new Command('failover'))
    .description('On-demand video that keeps playing when a data center is lost.')
    .version(version, '--version', 'print the version')
    .showHelpAfterError('Try --help.')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', more)
    .exitOverride();
  addSubmit(program, invocation);
  addStatus(program, invocation);
  addList(program, invocation);
  addOutage(program, invocation);
  addRestart(program, invocation);
  try {
    await program.parseAsync();
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    const problem = signal.aborted && !(error instanceof StoppedError) ? new StoppedError('Stopped.') : error;
    tell(problem, program.opts<GlobalOptions>().json === true);
    return exitCodeOf(problem);
  }
}

function tell(problem: unknown, json: boolean): void {
  const message = problem instanceof Error ? problem.message : String(problem);
  if (json) {
    const code = (problem as { code?: unknown }).code;
    const error = { code: typeof code === 'string' ? code : 'failed', message };
    process.stdout.write(`${JSON.stringify({ error })}\n`);
  }
  const advice = adviceOn(problem);
  const heading = problem instanceof StoppedError ? '' : `${styleOn(process.stderr)('red', 'error:')} `;
  process.stderr.write(`${heading}${message}\n${advice === undefined ? '' : `${advice}\n`}`);
}

const stopping = new AbortController();
// The second one ends it at once, as ever.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
outliveReaders();
process.exitCode = await run(stopping.signal);
