import { InvalidArgumentError, type Command } from 'commander';
import { cliConfig } from '../../config/cli.ts';
import { connectionOf } from '../connection.ts';
import type { ExitCode } from '../exit-code.ts';
import { isUrl } from '../input.ts';
import { failoverApi, type FailoverApi } from '../failover-api.ts';

/** What every command takes. */
export interface GlobalOptions {
  readonly json?: true;
  readonly url?: string;
  readonly key?: string;
  readonly dataDir?: string;
}

/** One call of the command. */
export interface Invocation {
  /** The command is done: what the process ends with. */
  readonly finish: (code: ExitCode) => void;
  /** Aborts when the user ends it. */
  readonly signal: AbortSignal;
}

export function addGlobalOptions(command: Command): Command {
  return command
    .option('--json', 'print the answer as one line of JSON, and nothing else on stdout')
    .option(
      '--url <url>',
      "the Function App's base URL (or FAILOVER_URL; default: the local stack's)",
      checkedUrl,
    )
    .option('--key <key>', 'a function key of it (better: FAILOVER_KEY, which no process list shows)')
    .option('--data-dir <directory>', "a local stack's data directory (default: .local here or above)");
}

export async function apiFor(options: GlobalOptions, signal: AbortSignal): Promise<FailoverApi> {
  // What is said here and now goes before what the environment says.
  const config = options.dataDir === undefined ? cliConfig() : { url: undefined, key: undefined };
  return failoverApi(
    await connectionOf({
      url: options.url ?? config.url,
      key: options.key ?? config.key,
      dataDirectory: options.dataDir,
    }),
    signal,
  );
}

function checkedUrl(text: string): string {
  if (isUrl(text)) return text;
  throw new InvalidArgumentError('It is not an http(s) URL.');
}
