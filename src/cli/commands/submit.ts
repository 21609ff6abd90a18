import { Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { dataCenterKeys, type DataCenterKey } from '../../streams/data-center.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { FailoverApi } from '../failover-api.ts';
import { follow } from '../follow.ts';
import { progressOn, type Progress } from '../progress.ts';
import { showOperation } from '../show-operation.ts';
import { isUrl, streamIdFrom } from '../stream-id.ts';
import { uploadInput } from '../upload.ts';
import { apiFor, type Finish, type GlobalOptions } from './options.ts';

interface SubmitOptions extends GlobalOptions {
  readonly streamId?: string;
  readonly source?: DataCenterKey;
  readonly preset?: string;
  readonly follow: boolean;
}

const more = `
Examples:
  failover submit film.mp4                            as the stream "film"
  failover submit film.mp4 --stream-id film-2
  failover submit https://example.com/film.mp4        fetched by the workflow
  failover submit film.mp4 --no-follow --json         print the operation and end`;

export function addSubmit(program: Command, finish: Finish): void {
  program
    .command('submit')
    .summary('publish a video in both data centers')
    .description(
      'Publishes a video: uploads the file, encodes it in its source data center, replicates it to the other\n' +
        'one and proves both equal. Ctrl-C ends only the following; the run goes on.',
    )
    .argument('<input>', 'a file, or an http(s) URL')
    .option('--stream-id <id>', "the stream's id (default: made of the input's name)")
    .addOption(
      new Option(
        '--source <data-center>',
        "a or b: where it is encoded (default: the app's own data center)",
      ).choices(dataCenterKeys),
    )
    .option('--preset <preset>', 'the encoding preset: a name, or JSON (default: "Adaptive Streaming")')
    .option('--no-follow', 'end as soon as the run has begun')
    .addHelpText('after', more)
    .action(async (input: string, _options, command: Command) => {
      const options = command.optsWithGlobals<SubmitOptions>();
      const progress = progressOn(process.stderr);
      try {
        finish(await submit(await apiFor(options), input, options, progress));
      } finally {
        progress.end();
      }
    });
}

async function submit(
  api: FailoverApi,
  input: string,
  options: SubmitOptions,
  progress: Progress,
): Promise<ExitCode> {
  const { source, preset } = options;
  const started = await api.submit({
    streamId: options.streamId ?? streamIdFrom(input),
    ...(source === undefined ? {} : { source }),
    ...(preset === undefined ? {} : { preset }),
    input: isUrl(input)
      ? { url: input }
      : { assetId: await uploadInput(api, resolve(input), { dataCenter: source, progress }) },
  });
  if (options.follow) {
    progress.line(`Operation ${started.operationId}`);
    return showOperation(await follow(api, started.operationId, progress), options.json === true);
  }
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(started)}\n`
      : `Operation ${started.operationId}\nFollow it: failover status ${started.operationId} --watch\n`,
  );
  return exitCode.ok;
}
