/** The program behind `npm start`: both data centers on this machine, and a video published in them. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failoverApi } from '../cli/failover-api.ts';
import { outliveReaders } from '../cli/output.ts';
import { progressOn } from '../cli/progress.ts';
import { environment, isStartedByNpm } from '../config/environment.ts';
import { messageOf } from '../message-of.ts';
import { parseArguments, type StartArguments } from './stack/arguments.ts';
import { describeCommand, startControl, type ControlServer } from './stack/control.ts';
import { healthy } from './stack/health.ts';
import { lockDataDirectory, type DataDirectoryLock } from './stack/lock.ts';
import { prepareLogs } from './stack/log-file.ts';
import { runMainJob } from './stack/main-job.ts';
import { describeReport, reportOf, type StackAddresses } from './stack/report.ts';
import { readSettings, writeSettings } from './stack/settings.ts';
import { Stack } from './stack/stack.ts';

const exitCodes = { ok: 0, jobFailed: 1, stackFailed: 3, stopped: 130 } as const;
type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** npm forwards a Ctrl-C that the terminal has sent to us as well; a second one within this time is the same one. */
const sameSignalMilliseconds = 1500;

const progress = progressOn(process.stderr);
outliveReaders();

const notice = (text: string): void => progress.line(text);

async function run(options: StartArguments, packageRoot: string): Promise<ExitCode> {
  const begun = performance.now();
  const stopping = new AbortController();
  let lost: Error | undefined;
  const place = { packageRoot, dataDirectory: options.dataDirectory, environment: environment() };

  const lock = await lockDataDirectory(options.dataDirectory, notice);
  let stack: Stack | undefined;
  let control: ControlServer | undefined;
  const releaseSignals = onStopSignal(
    () => {
      progress.line('Stopping everything …');
      stopping.abort();
      void stack?.close();
    },
    () => stack?.forceEnd(),
  );
  try {
    await prepareLogs(`${options.dataDirectory}/logs`);
    const { settings, fresh } = await readSettings(options.dataDirectory);
    stack = new Stack({
      place,
      lock,
      settings,
      fresh,
      functionsHost: options.functionsHost,
      edgeTimings: options.edgeTimings,
      notice,
      endedByItself(name, error) {
        notice(`\n${error.message}\n${adviceFor(name)}\n`);
        if (name === 'azurite' || (options.once && name === 'functions-host')) {
          lost = error;
          stopping.abort();
        }
      },
    });
    progress.show({ label: 'Starting both data centers' });
    await stack.start();
    control = await startControl(stack, options.dataDirectory, (command) => notice(describeCommand(command)));
    const startSeconds = seconds(begun);
    notice(`Both data centers are up after ${startSeconds} s. Logs: ${shown(options.dataDirectory)}/logs/`);

    const { functions } = stack;
    if (options.functionsHost === 'none') {
      notice('local.settings.json is written. Waiting for you to run `func start` beside this …');
      await healthy(`${functions.url}/api/health`, {
        patienceMilliseconds: Number.POSITIVE_INFINITY,
        signal: stopping.signal,
      });
    }
    const jobBegun = performance.now();
    const operation = await runMainJob(
      failoverApi(functions, stopping.signal),
      {
        streamId: options.streamId,
        input: options.input,
        uploads: settings.uploads,
        uploaded: () => writeSettings(options.dataDirectory, settings),
      },
      progress,
      stopping.signal,
    );
    const report = reportOf(operation, addressesOf(stack), {
      start: startSeconds,
      job: seconds(jobBegun),
    });
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    const description = describeReport(report, {
      staysUp: !options.once,
      dataDirectory: shown(options.dataDirectory),
    });
    (options.json ? process.stderr : process.stdout).write(`\n${description}\n`);
    if (options.once) return report.status === 'succeeded' ? exitCodes.ok : exitCodes.jobFailed;
    await aborted(stopping.signal);
    return lost === undefined ? exitCodes.ok : exitCodes.stackFailed;
  } catch (error) {
    if (stopping.signal.aborted) return lost === undefined ? exitCodes.stopped : exitCodes.stackFailed;
    throw error;
  } finally {
    progress.end();
    await stop(stack, control, lock);
    releaseSignals();
  }
}

async function stop(
  stack: Stack | undefined,
  control: ControlServer | undefined,
  lock: DataDirectoryLock,
): Promise<void> {
  await control?.close();
  await stack?.close();
  await lock.release();
}

/** Ctrl-C, a closed terminal, a `kill`: all stop in order; a second one ends at once. */
function onStopSignal(first: () => void, second: () => void): () => void {
  let stoppedAt: number | undefined;
  const onSignal = (): void => {
    if (stoppedAt === undefined) {
      stoppedAt = performance.now();
      first();
    } else if (performance.now() - stoppedAt > sameSignalMilliseconds) {
      second();
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  // A killed npm tells us nothing: we only get another parent.
  const parent = process.ppid;
  const underNpm = isStartedByNpm();
  const timer = setInterval(() => {
    if (underNpm && process.ppid !== parent && stoppedAt === undefined) onSignal();
  }, 500);
  timer.unref();
  return () => {
    clearInterval(timer);
    for (const signal of signals) process.off(signal, onSignal);
  };
}

function adviceFor(name: string): string {
  switch (name) {
    case 'media-service-a':
      return 'Data center A is lost. Bring it back: npx failover outage end a';
    case 'media-service-b':
      return 'Data center B is lost. Bring it back: npx failover outage end b';
    case 'edge':
      return 'Start it again: npx failover restart edge';
    case 'functions-host':
      return 'What was running goes on when it is back: npx failover restart functions';
    default:
      return 'Nothing works without it: stopping. `npm start` goes on where this was.';
  }
}

function addressesOf(stack: Stack): StackAddresses {
  return {
    edge: stack.edgeUrl,
    streaming: { a: stack.streamingUrl('a'), b: stack.streamingUrl('b') },
  };
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 100) / 10;
}

/** A path as short as it is from here. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const options = parseArguments(process.argv.slice(2), `${root}sample/movie-hello.mp4`);
try {
  process.exitCode = await run(options, root);
} catch (error) {
  progress.line(messageOf(error));
  process.exitCode = exitCodes.stackFailed;
}
process.exit();
