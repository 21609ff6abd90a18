import { Option, type Command } from 'commander';
import { dataCenterKeys, type DataCenterKey } from '../../streams/data-center.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { isPreset, presetRule } from '../../streams/presets.ts';
import { isStreamId, streamIdRule } from '../../streams/stream-id.ts';
import { ApiError, type FailoverApi, type StreamLook } from '../failover-api.ts';
import { InputError, inputOf, streamIdFrom } from '../input.ts';
import { progressOn, type Progress } from '../progress.ts';
import { uploadInput } from '../upload.ts';
import { commandToFollow, followRun } from './follow-run.ts';
import { apiFor, type GlobalOptions, type Invocation } from './options.ts';

interface SubmitOptions extends GlobalOptions {
  readonly streamId?: string;
  readonly source?: DataCenterKey;
  readonly preset?: string;
  readonly follow: boolean;
}

const more = `
Examples:
  failover submit film.mp4                       as the stream "film"
  failover submit film.mp4 --stream-id film-2
  failover submit https://example.com/film.mp4   fetched by the workflow
  failover submit film.mp4 --no-follow --json    print the operation and end`;

export function addSubmit(program: Command, { finish, signal }: Invocation): void {
  program
    .command('submit')
    .summary('publish a video in both data centers')
    .description(
      'Publishes a video: uploads the file, encodes it in its source data center, replicates it to the other ' +
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
        finish(await submit(await apiFor(options, signal), input, options, progress, signal));
      } finally {
        progress.end();
      }
    });
}

async function submit(
  api: FailoverApi,
  given: string,
  options: SubmitOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { source, preset } = options;
  const input = inputOf(given);
  const streamId = options.streamId ?? streamIdFrom(given);
  if (input.kind === 'file') await checkBeforeUpload(api, streamId, options);
  const started = await api.submit({
    streamId,
    ...(source === undefined ? {} : { source }),
    ...(preset === undefined ? {} : { preset }),
    input:
      input.kind === 'url'
        ? { url: input.url }
        : { assetId: await uploadInput(api, input, { dataCenter: source, progress, signal }) },
  });
  const { operationId } = started;
  if (options.follow) {
    progress.line(`Operation ${operationId}`);
    return await followRun(api, operationId, options, progress, signal);
  }
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(started)}\n`
      : `Operation ${operationId}\nFollow it: ${commandToFollow(operationId, options)}\n`,
  );
  return exitCode.ok;
}

/** What would be refused is refused before the upload, which may take long. */
async function checkBeforeUpload(api: FailoverApi, streamId: string, options: SubmitOptions): Promise<void> {
  const { preset } = options;
  if (!isStreamId(streamId)) throw new InputError(`--stream-id: ${streamIdRule}`);
  if (preset !== undefined && !isPreset(preset)) throw new InputError(`--preset: ${presetRule}`);
  const { stream, operationId } = await lookAt(api, streamId);
  if (stream !== undefined) {
    throw new ApiError(
      409,
      'stream-exists',
      `The stream ${streamId} is published already. Another id: --stream-id ID`,
    );
  }
  const latest = operationId === undefined ? undefined : await api.operation(operationId);
  if (latest?.status === 'running') {
    throw new ApiError(
      409,
      'stream-exists',
      `The stream ${streamId} is being published. Follow it: ${commandToFollow(latest.operationId, options)}`,
    );
  }
}

/** A data center that cannot be asked now may be well by the end of the upload. */
async function lookAt(api: FailoverApi, streamId: string): Promise<StreamLook> {
  try {
    return await api.stream(streamId);
  } catch (error) {
    if (error instanceof ApiError && error.status === 503) return {};
    throw error;
  }
}
