import { Argument, Option, type Command } from 'commander';
import { dataCenterKeys, type DataCenterKey } from '../../streams/data-center.ts';
import {
  outageKinds,
  restartable,
  type OutageKind,
  type Restartable,
} from '../../local/stack/stack-parts.ts';
import type { ControlAnswer, ControlCommand } from '../../local/stack/control-protocol.ts';
import { exitCode } from '../exit-code.ts';
import { commandStack } from '../stack-control.ts';
import { styleOn } from '../terminal.ts';
import type { GlobalOptions, Invocation } from './options.ts';

const dataCenterArgument = (): Argument => new Argument('<data-center>', 'a or b').choices(dataCenterKeys);

const more = `
An outage hits the media service of the data center: its API, its encoder and
its streaming endpoint. What is stored stays. Works with a local stack only.

Examples:
  failover outage start a              A is gone: connections are refused
  failover outage start a --how hang   A hangs: it accepts and never answers
  failover outage end a                A is back`;

export function addOutage(program: Command, { finish, signal }: Invocation): void {
  const outage = program
    .command('outage')
    .summary('take a data center of the local stack away, and bring it back')
    .description('Takes a data center of the local stack away, and brings it back.')
    .addHelpText('after', more);
  outage
    .command('start')
    .description('Takes a data center away.')
    .addArgument(dataCenterArgument())
    .addOption(
      new Option('--how <way>', 'kill: its process is gone; hang: it is there, and answers nothing')
        .choices(outageKinds)
        .default('kill'),
    )
    .action(async (dataCenter: DataCenterKey, _options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { how: OutageKind }>();
      await carryOut({ command: 'start-outage', dataCenter, how: options.how }, options, signal);
      finish(exitCode.ok);
    });
  outage
    .command('end')
    .description('Brings a data center back, whatever took it away, and waits until it is well.')
    .addArgument(dataCenterArgument())
    .action(async (dataCenter: DataCenterKey, _options, command: Command) => {
      await carryOut({ command: 'end-outage', dataCenter }, command.optsWithGlobals(), signal);
      finish(exitCode.ok);
    });
}

export function addRestart(program: Command, { finish, signal }: Invocation): void {
  program
    .command('restart')
    .summary('start a program of the local stack again')
    .description('Ends a program of the local stack, if it still runs, and starts it again.')
    .addArgument(new Argument('<program>', 'which').choices(restartable))
    .action(async (which: Restartable, _options, command: Command) => {
      await carryOut({ command: 'restart', program: which }, command.optsWithGlobals(), signal);
      finish(exitCode.ok);
    });
}

async function carryOut(command: ControlCommand, options: GlobalOptions, signal: AbortSignal): Promise<void> {
  const answer = await commandStack(command, options.dataDir, signal);
  process.stdout.write(options.json === true ? `${JSON.stringify(answer)}\n` : `${describe(answer)}\n`);
}

function describe({ dataCenters }: ControlAnswer): string {
  const style = styleOn(process.stdout);
  const words = {
    starting: style('yellow', 'coming up'),
    running: style('green', 'up'),
    hanging: style('red', 'hangs'),
    ended: style('red', 'gone'),
  } as const;
  return dataCenterKeys
    .map((key) => `Data center ${key.toUpperCase()}: ${words[dataCenters[key]]}`)
    .join('\n');
}
