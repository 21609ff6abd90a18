/**
 * Every setting of every program: read here, checked at start, all problems told at once by the setting's name and
 * never with its value. Nothing else reads `process.env`.
 */
import { z } from 'zod';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A setting is missing or wrong; the message lists every one. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly code = 'configuration';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });
const name = z.string().min(1, 'must not be empty');
const integer = (minimum: number, maximum: number): z.ZodCoercedNumber =>
  z.coerce.number().int().min(minimum).max(maximum);
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** An empty setting counts as absent: templates and portals leave such behind. */
function read<Schema extends z.ZodType>(schema: Schema, environment: Environment): z.infer<Schema> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigurationError(
    result.error.issues.map((issue) => {
      const setting = issue.path.join('.');
      const missing = setting !== '' && given[setting] === undefined;
      return `${setting}: ${missing ? 'is not set' : issue.message}`;
    }),
  );
}

export const dataCenterKeys = ['a', 'b'] as const;
export type DataCenterKey = (typeof dataCenterKeys)[number];

const workflowSettings = z.object({
  DATA_CENTER_A_NAME: name.describe("Data center A's name, as people know it"),
  DATA_CENTER_A_MEDIA_API: url.describe('Base URL of the v2 REST API of the media service in A'),
  DATA_CENTER_A_TOKEN_URL: url.optional().describe("A's own token endpoint; absent: Microsoft Entra"),
  DATA_CENTER_B_NAME: name.describe("Data center B's name, as people know it"),
  DATA_CENTER_B_MEDIA_API: url.describe('Base URL of the v2 REST API of the media service in B'),
  DATA_CENTER_B_TOKEN_URL: url.optional().describe("B's own token endpoint; absent: Microsoft Entra"),
  HOME_DATA_CENTER: z
    .enum(dataCenterKeys)
    .describe('The data center this app runs in and whose streams it changes'),
  MEDIA_TENANT_ID: name.optional().describe('Entra tenant of MEDIA_CLIENT_ID'),
  MEDIA_CLIENT_ID: name.optional().describe('Client id; without a secret: that of a user-assigned identity'),
  MEDIA_CLIENT_SECRET: name.optional().describe('Client secret; absent: the managed identity is used'),
  MEDIA_RESOURCE: name
    .default('https://rest.media.azure.net')
    .describe('The resource that tokens are asked for'),
  START_STREAMING_ENDPOINTS: flag
    .default(true)
    .describe('Start a streaming endpoint that is not Running; false: refuse to publish'),
  ALLOW_PRIVATE_INPUT_URLS: flag
    .default(false)
    .describe('Accept input URLs at private and loopback addresses (a closed network of your own)'),
  ORIGIN_LOCATOR_DAYS: integer(1, 36_500).default(3650).describe('How long a published URL lives, in days'),
  RESYNC_SCHEDULE: name.default('0 */5 * * * *').describe('NCRONTAB schedule of the re-sync timer'),
  RESYNC_MODE: z
    .enum(['report', 'repair'])
    .default('repair')
    .describe('What re-sync does with what it finds'),
  VERIFY: z
    .enum(['properties', 'bytes'])
    .default('properties')
    .describe('How the sides are compared in re-sync'),
  TARGET_PATIENCE_MINUTES: integer(1, 1440)
    .default(10)
    .describe('How long a run waits for an unreachable target before the stream is published, not protected'),
  JOB_PATIENCE_MINUTES: integer(1, 10_080)
    .default(180)
    .describe('How long an encoding job may make no progress before it is canceled'),
  INPUT_MAX_GIB: integer(1, 4096).default(64).describe('The largest file taken in from a URL, in GiB'),
  APPLICATIONINSIGHTS_CONNECTION_STRING: name.optional().describe('Application Insights; absent: logs only'),
});

export type WorkflowSettings = z.infer<typeof workflowSettings>;

export interface DataCenterConfig {
  readonly key: DataCenterKey;
  readonly name: string;
  /** Base URL of the v2 REST API, with a slash at its end. */
  readonly mediaApi: string;
  readonly tokenUrl: string | undefined;
}

export interface WorkflowConfig {
  readonly dataCenters: Readonly<Record<DataCenterKey, DataCenterConfig>>;
  readonly home: DataCenterKey;
  readonly credentials: {
    readonly tenantId: string | undefined;
    readonly clientId: string | undefined;
    readonly clientSecret: string | undefined;
    readonly resource: string;
  };
  readonly startStreamingEndpoints: boolean;
  readonly allowPrivateInputUrls: boolean;
  readonly originLocatorDays: number;
  readonly resync: { readonly schedule: string; readonly mode: 'report' | 'repair' };
  readonly verify: 'properties' | 'bytes';
  readonly targetPatienceMinutes: number;
  readonly jobPatienceMinutes: number;
  /** Bytes. */
  readonly inputMaxBytes: number;
  readonly applicationInsights: string | undefined;
}

/** The settings of the workflow, each with its description: what local.settings.json.example is checked against. */
export const workflowSettingNames = Object.keys(workflowSettings.shape);

/**
 * Reads the workflow's configuration.
 * @throws ConfigurationError
 */
export function workflowConfig(environment: Environment = process.env): WorkflowConfig {
  const checked = workflowSettings
    .refine((s) => s.MEDIA_CLIENT_SECRET === undefined || s.MEDIA_CLIENT_ID !== undefined, {
      path: ['MEDIA_CLIENT_ID'],
      error: 'is needed with MEDIA_CLIENT_SECRET',
    })
    .refine((s) => new URL(s.DATA_CENTER_A_MEDIA_API).href !== new URL(s.DATA_CENTER_B_MEDIA_API).href, {
      path: ['DATA_CENTER_B_MEDIA_API'],
      error: 'must differ from DATA_CENTER_A_MEDIA_API',
    });
  const settings = read(checked, environment);
  const withSlash = (text: string): string => (text.endsWith('/') ? text : `${text}/`);
  return {
    dataCenters: {
      a: {
        key: 'a',
        name: settings.DATA_CENTER_A_NAME,
        mediaApi: withSlash(settings.DATA_CENTER_A_MEDIA_API),
        tokenUrl: settings.DATA_CENTER_A_TOKEN_URL,
      },
      b: {
        key: 'b',
        name: settings.DATA_CENTER_B_NAME,
        mediaApi: withSlash(settings.DATA_CENTER_B_MEDIA_API),
        tokenUrl: settings.DATA_CENTER_B_TOKEN_URL,
      },
    },
    home: settings.HOME_DATA_CENTER,
    credentials: {
      tenantId: settings.MEDIA_TENANT_ID,
      clientId: settings.MEDIA_CLIENT_ID,
      clientSecret: settings.MEDIA_CLIENT_SECRET,
      resource: settings.MEDIA_RESOURCE,
    },
    startStreamingEndpoints: settings.START_STREAMING_ENDPOINTS,
    allowPrivateInputUrls: settings.ALLOW_PRIVATE_INPUT_URLS,
    originLocatorDays: settings.ORIGIN_LOCATOR_DAYS,
    resync: { schedule: settings.RESYNC_SCHEDULE, mode: settings.RESYNC_MODE },
    verify: settings.VERIFY,
    targetPatienceMinutes: settings.TARGET_PATIENCE_MINUTES,
    jobPatienceMinutes: settings.JOB_PATIENCE_MINUTES,
    inputMaxBytes: settings.INPUT_MAX_GIB * 2 ** 30,
    applicationInsights: settings.APPLICATIONINSIGHTS_CONNECTION_STRING,
  };
}

const ownTablesSettings = z.object({
  AzureWebJobsStorage: name.optional(),
  AzureWebJobsStorage__accountName: name.optional(),
  AzureWebJobsStorage__tableServiceUri: url.optional(),
  AzureWebJobsStorage__clientId: name.optional(),
});

/** Where the Function App keeps its own tables: in the storage account that the Functions host uses. */
export type OwnTablesConfig =
  | { readonly kind: 'key'; readonly connectionString: string }
  | { readonly kind: 'identity'; readonly tableUrl: string; readonly clientId: string | undefined };

/**
 * Reads the settings of the Functions host's storage account, in each form that the host knows.
 * @throws ConfigurationError
 */
export function ownTablesConfig(environment: Environment = process.env): OwnTablesConfig {
  const settings = read(ownTablesSettings, environment);
  if (settings.AzureWebJobsStorage !== undefined) {
    return { kind: 'key', connectionString: settings.AzureWebJobsStorage };
  }
  const account = settings.AzureWebJobsStorage__accountName;
  const tableUrl =
    settings.AzureWebJobsStorage__tableServiceUri ??
    (account === undefined ? undefined : `https://${account}.table.core.windows.net`);
  if (tableUrl === undefined) {
    throw new ConfigurationError([
      'AzureWebJobsStorage: is not set (nor AzureWebJobsStorage__accountName or __tableServiceUri)',
    ]);
  }
  return { kind: 'identity', tableUrl, clientId: settings.AzureWebJobsStorage__clientId };
}

const roles = z
  .string()
  .default('api,encoder')
  .transform((text) => text.split(',').map((role) => role.trim()))
  .pipe(z.array(z.enum(['api', 'encoder'])).min(1));

const mediaServiceSettings = z.object({
  MEDIA_SERVICE_ROLES: roles.describe(
    'api (REST API and streaming endpoint), encoder, or both, with a comma',
  ),
  MEDIA_SERVICE_ACCOUNT: name.describe('The media account: names the tokens this service gives out'),
  MEDIA_SERVICE_HOST: name.default('127.0.0.1').describe('The address to listen at'),
  MEDIA_SERVICE_PORT: integer(0, 65_535).default(0).describe('The port to listen at; 0: any free one'),
  MEDIA_SERVICE_URL: url
    .optional()
    .describe('The public base of API and streaming; absent: where it listens'),
  MEDIA_SERVICE_CLIENT_ID: name.optional().describe('The client that the own token endpoint accepts'),
  MEDIA_SERVICE_CLIENT_SECRET: name.optional().describe("That client's secret; it also signs the tokens"),
  STORAGE_CONNECTION_STRING: name
    .optional()
    .describe('Storage account with its key: SAS by stored access policy'),
  STORAGE_BLOB_URL: url.optional().describe('Blob endpoint, with a managed identity: SAS by user delegation'),
  STORAGE_QUEUE_URL: url.optional().describe('Queue endpoint, with a managed identity'),
  STORAGE_TABLE_URL: url.optional().describe('Table endpoint, with a managed identity'),
  FFMPEG_PATH: name.optional().describe('ffmpeg; absent: the one on PATH, then the npm package'),
  FFPROBE_PATH: name.optional().describe('ffprobe; absent: the one on PATH, then the npm package'),
  ENCODER_SPEED: z
    .enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'])
    .default('veryfast')
    .describe("libx264's preset: slower is smaller"),
  INDEX_CACHE_BYTES: integer(0, 2 ** 40)
    .default(64 * 2 ** 20)
    .describe('Memory for track indexes, bytes'),
  FRAGMENT_CACHE_BYTES: integer(0, 2 ** 40)
    .default(256 * 2 ** 20)
    .describe('Memory for fragments, bytes'),
  PATH: name.optional(),
});

export type StorageConfig =
  | { readonly kind: 'key'; readonly connectionString: string }
  | {
      readonly kind: 'identity';
      readonly blobUrl: string;
      readonly queueUrl: string;
      readonly tableUrl: string;
    };

export interface MediaServiceConfig {
  readonly roles: readonly ('api' | 'encoder')[];
  readonly account: string;
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string | undefined;
  readonly client: { readonly id: string; readonly secret: string } | undefined;
  readonly storage: StorageConfig;
  readonly ffmpegPath: string | undefined;
  readonly ffprobePath: string | undefined;
  readonly searchPath: string | undefined;
  readonly encoderSpeed: string;
  /** Bytes. */
  readonly indexCacheBytes: number;
  /** Bytes. */
  readonly fragmentCacheBytes: number;
}

/**
 * Reads a media service's configuration.
 * @throws ConfigurationError
 */
export function mediaServiceConfig(environment: Environment = process.env): MediaServiceConfig {
  const checked = mediaServiceSettings
    .refine(
      (s) =>
        s.STORAGE_CONNECTION_STRING !== undefined ||
        (s.STORAGE_BLOB_URL !== undefined &&
          s.STORAGE_QUEUE_URL !== undefined &&
          s.STORAGE_TABLE_URL !== undefined),
      {
        path: ['STORAGE_CONNECTION_STRING'],
        error:
          'is needed, or STORAGE_BLOB_URL, STORAGE_QUEUE_URL and STORAGE_TABLE_URL with a managed identity',
      },
    )
    .refine(
      (s) => (s.MEDIA_SERVICE_CLIENT_ID === undefined) === (s.MEDIA_SERVICE_CLIENT_SECRET === undefined),
      {
        path: ['MEDIA_SERVICE_CLIENT_SECRET'],
        error: 'goes with MEDIA_SERVICE_CLIENT_ID: set both or none',
      },
    );
  const settings = read(checked, environment);
  const { STORAGE_BLOB_URL: blobUrl, STORAGE_QUEUE_URL: queueUrl, STORAGE_TABLE_URL: tableUrl } = settings;
  const storage: StorageConfig =
    settings.STORAGE_CONNECTION_STRING !== undefined
      ? { kind: 'key', connectionString: settings.STORAGE_CONNECTION_STRING }
      : { kind: 'identity', blobUrl: blobUrl ?? '', queueUrl: queueUrl ?? '', tableUrl: tableUrl ?? '' };
  const { MEDIA_SERVICE_CLIENT_ID: clientId, MEDIA_SERVICE_CLIENT_SECRET: clientSecret } = settings;
  return {
    roles: settings.MEDIA_SERVICE_ROLES,
    account: settings.MEDIA_SERVICE_ACCOUNT,
    host: settings.MEDIA_SERVICE_HOST,
    port: settings.MEDIA_SERVICE_PORT,
    publicUrl: settings.MEDIA_SERVICE_URL,
    client:
      clientId !== undefined && clientSecret !== undefined
        ? { id: clientId, secret: clientSecret }
        : undefined,
    storage,
    ffmpegPath: settings.FFMPEG_PATH,
    ffprobePath: settings.FFPROBE_PATH,
    searchPath: settings.PATH,
    encoderSpeed: settings.ENCODER_SPEED,
    indexCacheBytes: settings.INDEX_CACHE_BYTES,
    fragmentCacheBytes: settings.FRAGMENT_CACHE_BYTES,
  };
}

const cliSettings = z.object({
  FAILOVER_URL: url.optional().describe("The Function App's base URL; absent: the local stack's"),
  FAILOVER_KEY: name.optional().describe('A function key of it'),
  NO_COLOR: name.optional().describe('Anything: no colours (https://no-color.org)'),
});

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
