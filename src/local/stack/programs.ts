/** What each program of the stack is started with. */
import { join } from 'node:path';
import type { DataCenterKey } from '../../streams/data-center.ts';
import type { Environment } from '../../config/settings.ts';
import type { EmulatedAccount } from '../azurite.ts';
import type { Program } from './program.ts';

export const clientId = 'failover-streaming';
export const resource = 'https://rest.media.azure.net';

export interface Place {
  /** The root of this package: where dist/ and host.json are. */
  readonly packageRoot: string;
  readonly dataDirectory: string;
  /** The environment the stack itself was started with: PATH, and settings such as ENCODER_SPEED. */
  readonly environment: Environment;
}

export function logFileOf(place: Place, name: string): string {
  return join(place.dataDirectory, 'logs', `${name}.log`);
}

function nodeProgram(
  place: Place,
  {
    name,
    script,
    parameters = [],
    settings = {},
  }: { name: string; script: string; parameters?: readonly string[]; settings?: Environment },
): Program {
  return {
    name,
    command: [
      process.execPath,
      '--enable-source-maps',
      join(place.packageRoot, 'dist', script),
      ...parameters,
    ],
    environment: { ...place.environment, ...settings },
    workingDirectory: place.packageRoot,
    logFile: logFileOf(place, name),
  };
}

export function mediaService(
  place: Place,
  dataCenter: DataCenterKey,
  options: { account: EmulatedAccount; port: number; clientSecret: string },
): Program {
  return nodeProgram(place, {
    name: `media-service-${dataCenter}`,
    script: 'media-service/main.mjs',
    settings: {
      MEDIA_SERVICE_ACCOUNT: options.account.name,
      MEDIA_SERVICE_HOST: '127.0.0.1',
      MEDIA_SERVICE_PORT: String(options.port),
      MEDIA_SERVICE_CLIENT_ID: clientId,
      MEDIA_SERVICE_CLIENT_SECRET: options.clientSecret,
      STORAGE_CONNECTION_STRING: options.account.connectionString,
    },
  });
}

export function edge(
  place: Place,
  options: { port: number; a: string; b: string; timings: string },
): Program {
  return nodeProgram(place, {
    name: 'edge',
    script: 'local/edge.mjs',
    parameters: [
      ...['--port', String(options.port), '--timings', options.timings],
      ...['--a', options.a, '--b', options.b],
    ],
  });
}

/** The settings of the workflow on this machine: what local.settings.json holds, and the local host's environment. */
export function workflowSettings(options: {
  storage: EmulatedAccount;
  mediaServices: Readonly<Record<DataCenterKey, string>>;
  clientSecret: string;
}): Record<string, string> {
  const { a, b } = options.mediaServices;
  return {
    FUNCTIONS_WORKER_RUNTIME: 'node',
    AzureWebJobsStorage: options.storage.connectionString,
    DATA_CENTER_A_NAME: 'Data center A',
    DATA_CENTER_A_MEDIA_API: `${a}/api/`,
    DATA_CENTER_A_TOKEN_URL: `${a}/oauth2/token`,
    DATA_CENTER_B_NAME: 'Data center B',
    DATA_CENTER_B_MEDIA_API: `${b}/api/`,
    DATA_CENTER_B_TOKEN_URL: `${b}/oauth2/token`,
    HOME_DATA_CENTER: 'a',
    MEDIA_CLIENT_ID: clientId,
    MEDIA_CLIENT_SECRET: options.clientSecret,
    MEDIA_RESOURCE: resource,
  };
}

export function localFunctionsHost(
  place: Place,
  options: { port: number; key: string; settings: Environment },
): Program {
  return nodeProgram(place, {
    name: 'functions-host',
    script: 'local/functions-host.mjs',
    settings: {
      ...options.settings,
      FUNCTIONS_HOST_PORT: String(options.port),
      FUNCTIONS_HOST_KEY: options.key,
      // On this machine one key opens everything, the timers' hand crank too.
      FUNCTIONS_HOST_MASTER_KEY: options.key,
    },
  });
}
