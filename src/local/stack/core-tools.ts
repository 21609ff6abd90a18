/** Azure Functions Core Tools, which host the workflow with `--functions-host func`. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Environment } from '../../config/settings.ts';
import type { Program } from './program.ts';
import { logFileOf, type Place } from './programs.ts';

const run = promisify(execFile);

/** `func` is not there, or does not run. */
export class CoreToolsMissingError extends Error {
  override readonly name = 'CoreToolsMissingError';
  readonly code = 'core-tools-missing';
}

/**
 * Looks for `func` on PATH, before anything else is started.
 * @throws CoreToolsMissingError
 */
export async function requireCoreTools(environment: Environment): Promise<void> {
  try {
    await run('func', ['--version'], { env: environment });
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CoreToolsMissingError(
      `Azure Functions Core Tools (\`func\`) ${isMissing ? 'are not on PATH' : 'do not run'}. ` +
        "Install them, or use this project's own host: --functions-host local.",
      { cause: error },
    );
  }
}

/** They read local.settings.json. */
export function coreTools(place: Place, options: { port: number }): Program {
  return {
    name: 'functions-host',
    command: ['func', 'start', '--port', String(options.port)],
    environment: { ...place.environment, FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT: '1' },
    workingDirectory: place.packageRoot,
    logFile: logFileOf(place, 'functions-host'),
    url: `http://127.0.0.1:${options.port}`,
  };
}
