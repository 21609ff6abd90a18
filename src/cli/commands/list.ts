import type { Command } from 'commander';
import { exitCode } from '../exit-code.ts';
import { dataCenterKeys, type DataCenterKey } from '../../streams/data-center.ts';
import type { ListedStream, OperationFailure } from '../failover-api.ts';
import { styleOn, table } from '../terminal.ts';
import { apiFor, type GlobalOptions, type Invocation } from './options.ts';

const more = `
Examples:
  failover list
  failover list --json | jq -r '.streams[].streamId'`;

export function addList(program: Command, { finish, signal }: Invocation): void {
  program
    .command('list')
    .summary('every published stream')
    .description('Lists the published streams, with the data center that encoded each.')
    .addHelpText('after', more)
    .action(async (_options, command: Command) => {
      const { json, ...options } = command.optsWithGlobals<GlobalOptions>();
      const api = await apiFor(options, signal);
      const streams: ListedStream[] = [];
      const unreachable = new Map<DataCenterKey, OperationFailure>();
      for await (const page of api.streamPages()) {
        streams.push(...page.streams);
        for (const key of dataCenterKeys) {
          const side = page.sides[key];
          if (!side.reachable) unreachable.set(key, side.problem);
        }
      }
      for (const [key, { message }] of unreachable) {
        process.stderr.write(
          `Data center ${key.toUpperCase()} is unreachable, so what only it has is not in this list: ${message}\n`,
        );
      }
      const listed = { streams, unreachable: [...unreachable.keys()] };
      process.stdout.write(json === true ? `${JSON.stringify(listed)}\n` : `${describe(streams)}\n`);
      finish(exitCode.ok);
    });
}

function describe(streams: readonly ListedStream[]): string {
  if (streams.length === 0) return 'No stream is published yet. Publish one: failover submit FILE';
  const rows = streams.map(({ streamId, source, revision, created }) => [
    streamId,
    source.toUpperCase(),
    String(revision),
    created.slice(0, 19).replace('T', ' '),
  ]);
  const [heading = '', ...lines] = table([
    ['STREAM', 'SOURCE', 'REVISION', 'PUBLISHED (UTC)'],
    ...rows,
  ]).split('\n');
  return [styleOn(process.stdout)('bold', heading), ...lines].join('\n');
}
