import { Command, Option } from 'commander';
import { resolve } from 'node:path';
import { InputError, inputOf, streamIdFrom, type Input } from '../../cli/input.ts';
import { functionsHosts, type FunctionsHost } from './stack-parts.ts';

const edgeTimings = ['fast', 'front-door'] as const;

export interface StartArguments {
  readonly once: boolean;
  readonly json: boolean;
  readonly dataDirectory: string;
  readonly input: Input;
  readonly streamId: string;
  readonly functionsHost: FunctionsHost;
  readonly edgeTimings: (typeof edgeTimings)[number];
}

interface Options {
  once?: true;
  json?: true;
  dataDir: string;
  input?: string;
  streamId?: string;
  functionsHost: FunctionsHost;
  edgeTimings: (typeof edgeTimings)[number];
}

const more = `
What comes up: a storage emulator, two media services (data centers A and B),
the workflow in a Functions host, and the edge that viewers talk to. Then the
input is published in both data centers. Everything stays up until Ctrl-C; what
was published is there again at the next start.

Exit codes:
    0  all well
    1  the main job failed
    2  wrong arguments
    3  the stack did not come up, or lost what it cannot go on without
  130  stopped before the main job was done

Examples:
  npm start                              the sample video
  npm start -- --input film.mp4          your own, as the stream "film"
  npm start -- --once --json | tail -1   the result as one line of JSON, and end
  npm start -- --data-dir /tmp/second    another stack beside the first`;

/**
 * Reads the command line of `npm start`; `--help` and wrong arguments end the process (0 and 2).
 * @param sample the video that is published when no other is given
 */
export function parseArguments(argv: readonly string[], sample: string): StartArguments {
  const command = new Command('npm start --')
    .description('Brings up both data centers on this machine and publishes a video in them.')
    .option('--once', 'end after the main job, with its outcome as the exit code')
    .option('--json', "print the main job's result on stdout as one JSON line, and nothing else")
    .option('--input <file|url>', 'the video to publish (default: sample/movie-hello.mp4)')
    .option('--stream-id <id>', "the stream's id (default: made of the input's name)")
    .option('--data-dir <directory>', 'where data, keys, ports and logs are kept', '.local')
    .addOption(
      new Option(
        '--functions-host <which>',
        "local: this project's own; func: Azure Functions Core Tools, from PATH; none: run `func start` yourself",
      )
        .choices(functionsHosts)
        .default('local'),
    )
    .addOption(
      new Option(
        '--edge-timings <mode>',
        'how soon the edge fails over; front-door: as Azure Front Door does',
      )
        .choices(edgeTimings)
        .default('fast'),
    )
    .addHelpText('after', more)
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  command.parse(argv, { from: 'user' });
  const options = command.opts<Options>();
  const given = options.input ?? sample;
  const orEnd = <Value>(read: () => Value): Value => {
    try {
      return read();
    } catch (error) {
      if (error instanceof InputError) command.error(`error: --input: ${error.message}`);
      throw error;
    }
  };
  return {
    once: options.once ?? false,
    json: options.json ?? false,
    dataDirectory: resolve(options.dataDir),
    input: orEnd(() => inputOf(given)),
    streamId: options.streamId ?? orEnd(() => streamIdFrom(given)),
    functionsHost: options.functionsHost,
    edgeTimings: options.edgeTimings,
  };
}
