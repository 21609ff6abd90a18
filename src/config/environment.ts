import type { Environment } from './settings.ts';

/** All of it: for programs that hand it on to those they start, or to an app they run. */
export function environment(): Environment {
  return process.env;
}

/** Makes settings visible to an app that this process runs. */
export function publish(settings: Environment): void {
  for (const [name, value] of Object.entries(settings)) if (value !== undefined) process.env[name] = value;
}

/** Whether this process was started by `npm start` or another of npm's scripts. */
export function isStartedByNpm(): boolean {
  return process.env['npm_lifecycle_event'] !== undefined;
}
