import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '../../message-of.ts';
import type { Versioning } from './durable/versioning.ts';
import { FunctionAppError } from './errors.ts';

/** `[d.]hh:mm:ss[.fff]` in milliseconds. */
const duration = z
  .string()
  .regex(/^(\d+\.)?\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$/, 'must be a time span such as 00:05:00')
  .transform((text) => {
    const [, days = '0', hours = '0', minutes = '0', seconds = '0'] =
      /^(?:(\d+)\.)?(\d+):(\d+)(?::([\d.]+))?$/.exec(text) ?? [];
    return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
  });

/** The real host does not start with other values (1 to 60 minutes). */
const visibilityTimeout = duration.refine(
  (milliseconds) => milliseconds >= 60_000 && milliseconds <= 3_600_000,
  'must be between 00:01:00 and 01:00:00',
);

const count = z.coerce.number().int().min(1);
const cores = availableParallelism();

const hostJson = z.object({
  version: z.literal('2.0'),
  functionTimeout: z.union([z.literal('-1'), duration]).default(30 * 60_000),
  extensions: z
    .object({
      http: z.object({ routePrefix: z.string().default('api') }).prefault({}),
      durableTask: z
        .object({
          hubName: z
            .string()
            .regex(/^[a-z][a-z0-9]{2,40}$/i, 'must be 3 to 41 letters and digits, a letter first')
            .default('TestHubName'),
          defaultVersion: z.string().optional(),
          versionMatchStrategy: z.enum(['None', 'Strict', 'CurrentOrOlder']).default('CurrentOrOlder'),
          versionFailureStrategy: z.enum(['Reject', 'Fail']).default('Reject'),
          maxConcurrentActivityFunctions: count.default(10 * cores),
          maxConcurrentOrchestratorFunctions: count.default(10 * cores),
          storageProvider: z
            .object({
              type: z.string().default('AzureStorage'),
              connectionName: z.string().optional(),
              connectionStringName: z.string().optional(),
              controlQueueVisibilityTimeout: visibilityTimeout.default(300_000),
              workItemQueueVisibilityTimeout: visibilityTimeout.default(300_000),
            })
            .prefault({}),
        })
        .prefault({}),
    })
    .prefault({}),
});

/** What this host takes from host.json. Times in milliseconds. */
export interface HostConfig {
  readonly routePrefix: string;
  /** Infinite: functions may run for ever. */
  readonly functionTimeout: number;
  readonly hubName: string;
  readonly maxActivities: number;
  readonly maxOrchestrators: number;
  readonly versioning: Versioning;
  /** The setting that has the storage's connection string. */
  readonly connectionName: string;
  /** How long an instance stays with a host that is not heard of. */
  readonly instanceLease: number;
  /** How long an activity stays with a host that is not heard of. */
  readonly activityLease: number;
}

/**
 * Reads an app's host.json. A setting `AzureFunctionsJobHost__extensions__durableTask__hubName` (any path so) wins
 * over the file, and %NAME% in a value stands for the setting NAME, as in the real host.
 * @throws FunctionAppError with every problem
 */
export async function readHostConfig(
  folder: string,
  settings: Readonly<Record<string, string | undefined>>,
): Promise<HostConfig> {
  const file = join(folder, 'host.json');
  let raw: unknown;
  try {
    raw = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new FunctionAppError(`${file} cannot be read: ${messageOf(error)}`);
  }
  const parsed = hostJson.safeParse(resolveSettings(overridden(raw, settings), settings));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `  - ${path.join('.')}: ${message}`);
    throw new FunctionAppError(`${file} is not usable:\n${problems.join('\n')}`);
  }
  const { functionTimeout, extensions } = parsed.data;
  const { durableTask } = extensions;
  const { storageProvider } = durableTask;
  if (storageProvider.type.toLowerCase() !== 'azurestorage') {
    throw new FunctionAppError(
      `${file}: the local host keeps durable state in Azure Storage only (storageProvider.type AzureStorage).`,
    );
  }
  return {
    routePrefix: extensions.http.routePrefix.replace(/^\/+|\/+$/g, ''),
    functionTimeout: functionTimeout === '-1' ? Infinity : functionTimeout,
    hubName: durableTask.hubName,
    maxActivities: durableTask.maxConcurrentActivityFunctions,
    maxOrchestrators: durableTask.maxConcurrentOrchestratorFunctions,
    versioning: {
      defaultVersion: durableTask.defaultVersion,
      match: durableTask.versionMatchStrategy,
      failure: durableTask.versionFailureStrategy,
    },
    connectionName:
      storageProvider.connectionName ?? storageProvider.connectionStringName ?? 'AzureWebJobsStorage',
    instanceLease: storageProvider.controlQueueVisibilityTimeout,
    activityLease: storageProvider.workItemQueueVisibilityTimeout,
  };
}

type JsonObject = Record<string, unknown>;
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const overridePrefix = 'azurefunctionsjobhost__';

function overridden(raw: unknown, settings: Readonly<Record<string, string | undefined>>): unknown {
  if (!isObject(raw)) return raw;
  const result = structuredClone(raw);
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined || !name.toLowerCase().startsWith(overridePrefix)) continue;
    const path = name.slice(overridePrefix.length).split('__');
    const last = path.pop() ?? '';
    let place = result;
    for (const step of path) {
      const key = sameName(place, step);
      if (!isObject(place[key])) place[key] = {};
      place = place[key] as JsonObject;
    }
    place[sameName(place, last)] = value;
  }
  return result;
}

/** Configuration names differ in case only by accident. */
function sameName(place: JsonObject, name: string): string {
  return Object.keys(place).find((key) => key.toLowerCase() === name.toLowerCase()) ?? name;
}

function resolveSettings(value: unknown, settings: Readonly<Record<string, string | undefined>>): unknown {
  if (typeof value === 'string') {
    return value.replace(/^%([^%]+)%$/, (whole, name: string) => settings[name] ?? whole);
  }
  if (Array.isArray(value)) return value.map((one) => resolveSettings(one, settings));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolveSettings(one, settings)]));
}
