import { z } from 'zod';
import { describe, name, read, url, type Environment } from './settings.ts';

const cliSettings = z.object({
  FAILOVER_URL: url.optional().describe("The Function App's base URL; absent: the local stack's"),
  FAILOVER_KEY: name.optional().describe('A function key of it'),
  NO_COLOR: name.optional().describe('Anything: no colours (https://no-color.org)'),
});

export const cliSettingDescriptions = describe(cliSettings);

export interface CliConfig {
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly noColor: boolean;
}

/**
 * Reads the configuration of the command `failover`.
 * @throws ConfigurationError
 */
export function cliConfig(environment: Environment = process.env): CliConfig {
  const settings = read(cliSettings, environment);
  return {
    url: settings.FAILOVER_URL,
    key: settings.FAILOVER_KEY,
    noColor: settings.NO_COLOR !== undefined,
  };
}
