import { z } from 'zod';
import { describe, integer, name, read, type Environment } from './settings.ts';

const ownFunctionKey = 'FUNCTIONS_HOST_KEY__';

const functionsHostSettings = z.object({
  FUNCTIONS_HOST_PORT: integer(0, 65_535)
    .default(7071)
    .describe('The port on 127.0.0.1, unless `--port` says another; 0: any free one'),
  FUNCTIONS_HOST_KEY: name.optional().describe('Opens every function with authLevel "function"'),
  FUNCTIONS_HOST_MASTER_KEY: name.optional().describe('Opens everything, `/admin` too'),
  FUNCTIONS_HOST_DURABLE_KEY: name
    .optional()
    .describe('Opens `/runtime/webhooks/durabletask`; absent: one made from the storage key'),
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: integer(1, 2 ** 40)
    .default(104_857_600)
    .describe('The largest body of a request, bytes; the default is that of Azure Functions'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('trace, debug, info, warn, error, fatal or silent'),
});

/** One for each function that is to have a key of its own, so no member of the schema. */
const ownFunctionKeyDescription = {
  name: `${ownFunctionKey}<function>`,
  description: 'Opens that function alone',
  required: false,
  defaultValue: undefined,
};

export const functionsHostSettingDescriptions = [
  ...describe(functionsHostSettings),
  ownFunctionKeyDescription,
];

/** The access keys as they are set; one that is absent opens nothing. */
export interface FunctionsHostKeys {
  readonly master: string | undefined;
  readonly host: string | undefined;
  readonly durable: string | undefined;
  /** By the function's name in lower case. */
  readonly functions: Readonly<Record<string, string>>;
}

export interface FunctionsHostConfig {
  readonly port: number;
  readonly keys: FunctionsHostKeys;
  /** Bytes. */
  readonly bodyLimit: number;
  readonly logLevel: string;
}

/**
 * Reads the Functions host's own configuration from the settings of the app it runs.
 * @throws ConfigurationError
 */
export function functionsHostConfig(settings: Environment): FunctionsHostConfig {
  const own = read(functionsHostSettings, settings);
  return {
    port: own.FUNCTIONS_HOST_PORT,
    keys: {
      master: own.FUNCTIONS_HOST_MASTER_KEY,
      host: own.FUNCTIONS_HOST_KEY,
      durable: own.FUNCTIONS_HOST_DURABLE_KEY,
      functions: Object.fromEntries(
        Object.entries(settings).flatMap(([setting, value]) =>
          setting.startsWith(ownFunctionKey) && value !== undefined && value !== ''
            ? [[setting.slice(ownFunctionKey.length).toLowerCase(), value]]
            : [],
        ),
      ),
    },
    bodyLimit: own.FUNCTIONS_REQUEST_BODY_SIZE_LIMIT,
    logLevel: own.LOG_LEVEL,
  };
}
