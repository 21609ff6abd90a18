import type { Command } from 'commander';
import { cliConfig } from '../../config/cli.ts';
import { connectionOf } from '../connection.ts';
import type { ExitCode } from '../exit-code.ts';
import { failoverApi, type FailoverApi } from '../failover-api.ts';

/** What every command takes. */
export interface GlobalOptions {
  readonly json?: true;
  readonly url?: string;
  readonly key?: string;
  readonly dataDir?: string;
}

/** A command is done: what the process ends with. */
export type Finish = (code: ExitCode) => void;

export function addGlobalOptions(command: Command): Command {
  return command
    .option('--json', 'print the answer as one line of JSON, and nothing else on stdout')
    .option('--url <url>', "the Function App's base URL (or FAILOVER_URL; default: the local stack's)")
    .option('--key <key>', 'a function key of it (better: FAILOVER_KEY, which no process list shows)')
    .option('--data-dir <directory>', "a local stack's data directory (default: .local here or above)");
}

export async function apiFor(options: GlobalOptions): Promise<FailoverApi> {
  const config = cliConfig();
  return failoverApi(
    await connectionOf({
      url: options.url ?? config.url,
      key: options.key ?? config.key,
      dataDirectory: options.dataDir,
    }),
  );
}
