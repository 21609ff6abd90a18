import { Console } from 'node:console';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { destination, pino } from 'pino';
import { environment, publish } from '../../config/environment.ts';
import { functionsHostConfig } from '../../config/functions-host.ts';
import { ConfigurationError } from '../../config/settings.ts';
import { messageOf } from '../../message-of.ts';
import { FunctionAppError } from './errors.ts';
import { startFunctionsHost } from './host.ts';
import { readSettingsFile } from './settings.ts';

const program = new Command('functions-host')
  .description(
    'Runs a function app on this machine, in the place of Azure Functions Core Tools: HTTP and timer functions, ' +
      'Durable orchestrations and activities, with their state in Azure Storage (AzureWebJobsStorage).',
  )
  .option('--app <folder>', 'folder with package.json ("main" is loaded) and host.json', '.')
  .option(
    '--port <number>',
    'port on 127.0.0.1; 0: any free one (else FUNCTIONS_HOST_PORT, else 7071)',
    portOf,
  )
  .option('--settings <file|env>', 'local.settings.json, or env: the environment alone', 'env')
  .addHelpText(
    'after',
    `
Access keys come from the settings; a key that is not set opens nothing:
  FUNCTIONS_HOST_KEY              opens functions with authLevel "function"
  FUNCTIONS_HOST_KEY__<function>  opens that function
  FUNCTIONS_HOST_MASTER_KEY       opens everything, /admin too
  FUNCTIONS_HOST_DURABLE_KEY      opens /runtime/webhooks/durabletask (else derived from the storage key)

The first line on stdout is {"listening":"http://127.0.0.1:PORT"}; the log is on stderr. SIGTERM stops in order.`,
  )
  .parse();

const options = program.opts<{ app: string; port?: number; settings: string }>();
const log = pino({ name: 'functions-host' }, destination(2));
// Stdout is for the first line; what the app prints belongs to the log.
globalThis.console = new Console(process.stderr, process.stderr);

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('not a port number');
  return port;
}

try {
  const settings =
    options.settings === 'env'
      ? environment()
      : await readSettingsFile(resolve(options.settings), environment());
  const config = functionsHostConfig(settings);
  log.level = config.logLevel;
  publish(settings);
  const host = await startFunctionsHost({
    folder: resolve(options.app),
    config: { ...config, port: options.port ?? config.port },
    settings,
    publish,
    log,
  });
  process.stdout.write(`${JSON.stringify({ listening: host.url })}\n`);

  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    host.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ error: messageOf(error) }, 'The host could not stop in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
} catch (error) {
  const told = error instanceof FunctionAppError || error instanceof ConfigurationError;
  log.fatal(told ? error.message : error);
  process.exit(1);
}
