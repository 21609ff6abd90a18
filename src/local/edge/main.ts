/** The program `edge`: reads its command line, listens, says where, and stops in order. */
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import type { Telemetry } from '../../telemetry.ts';
import { messageOf } from '../../message-of.ts';
import { startEdge } from './edge.ts';
import { help, readOptions, UsageError, type CommandLine } from './options.ts';
import { Pages } from './pages.ts';

async function run(options: CommandLine): Promise<void> {
  const log = pino({ base: { program: 'edge' } }, pino.destination({ fd: 2, sync: true }));
  const telemetry: Telemetry = {
    event: (name, properties) => log.info(properties, name),
    problem: (name, properties) => log.warn(properties, name),
    flush: () => Promise.resolve(),
  };
  const edge = await startEdge({
    origins: { a: options.a, b: options.b },
    host: options.host,
    port: options.port,
    timings: options.timings,
    probePath: options.probePath,
    // dist/web beside dist/local
    pages: await Pages.load(fileURLToPath(new URL('../web/', import.meta.url))),
    telemetry,
  });
  process.stdout.write(`${JSON.stringify({ listening: edge.url })}\n`);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void edge.close();
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(help);
  else await run(options);
} catch (error) {
  const usage = error instanceof UsageError;
  process.stderr.write(`${messageOf(error)}\n`);
  if (usage) process.stderr.write('Try --help.\n');
  process.exitCode = usage ? 2 : 1;
}
