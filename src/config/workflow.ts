import { Cron } from 'croner';
import { z } from 'zod';
import { dataCenterKeys, type DataCenterKey } from '../streams/data-center.ts';
import { resyncModes, type ResyncMode } from '../streams/operation.ts';
import { readLevels, type ReadLevel } from '../streams/side-state.ts';
import {
  ConfigurationError,
  describe,
  flag,
  integer,
  name,
  read,
  url,
  type Environment,
} from './settings.ts';

function isSchedule(text: string): boolean {
  try {
    new Cron(text, { paused: true, mode: '6-part' });
    return true;
  } catch {
    return false;
  }
}

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
  RESYNC_SCHEDULE: name
    .refine(isSchedule, 'must be an NCRONTAB expression of six fields, seconds first')
    .default('0 */5 * * * *')
    .describe('NCRONTAB schedule of the re-sync timer, of six fields'),
  RESYNC_MODE: z.enum(resyncModes).default('repair').describe('What re-sync does with what it finds'),
  VERIFY: z
    .enum(readLevels)
    .default('properties')
    .describe(
      'How re-sync compares the sides, and verify when not told; bytes reads every byte at every re-sync',
    ),
  SOURCE_PATIENCE_MINUTES: integer(1, 1440)
    .default(240)
    .describe('How long a run waits for a source that is lost, once its encoding has begun'),
  TARGET_PATIENCE_MINUTES: integer(0, 1440)
    .default(10)
    .describe('How long a run waits for an unreachable target before the stream is published, not protected'),
  JOB_PATIENCE_MINUTES: integer(1, 10_080)
    .default(180)
    .describe('How long an encoding job may make no progress, once begun, before it is canceled'),
  QUEUE_PATIENCE_HOURS: integer(1, 8760)
    .default(168)
    .describe('How long an encoding job may wait for the encoder before it is canceled'),
  INPUT_MAX_GIB: integer(1, 4096).default(64).describe('The largest file taken in from a URL, in GiB'),
  APPLICATIONINSIGHTS_CONNECTION_STRING: name.optional().describe('Application Insights; absent: logs only'),
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: z
    .string()
    .regex(/^(?=.*\bAuthorization=AAD\b)/i, 'must be ClientId=…;Authorization=AAD')
    .optional()
    .describe('`ClientId=…;Authorization=AAD`: telemetry is sent as that identity; absent: without one'),
});

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
  readonly resync: { readonly schedule: string; readonly mode: ResyncMode };
  readonly verify: ReadLevel;
  readonly sourcePatienceMinutes: number;
  readonly targetPatienceMinutes: number;
  readonly jobPatienceMinutes: number;
  readonly queuePatienceHours: number;
  /** Bytes. */
  readonly inputMaxBytes: number;
  readonly applicationInsights: ApplicationInsightsConfig | undefined;
}

export interface ApplicationInsightsConfig {
  readonly connectionString: string;
  /** The identity that sends; undefined: the connection string is enough. */
  readonly identity: { readonly clientId: string | undefined } | undefined;
}

export const workflowSettingDescriptions = describe(workflowSettings);

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
    sourcePatienceMinutes: settings.SOURCE_PATIENCE_MINUTES,
    targetPatienceMinutes: settings.TARGET_PATIENCE_MINUTES,
    jobPatienceMinutes: settings.JOB_PATIENCE_MINUTES,
    queuePatienceHours: settings.QUEUE_PATIENCE_HOURS,
    inputMaxBytes: settings.INPUT_MAX_GIB * 2 ** 30,
    applicationInsights: applicationInsightsConfig(settings),
  };
}

function applicationInsightsConfig(
  settings: z.infer<typeof workflowSettings>,
): ApplicationInsightsConfig | undefined {
  const {
    APPLICATIONINSIGHTS_CONNECTION_STRING: connectionString,
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: authentication,
  } = settings;
  if (connectionString === undefined) return undefined;
  const clientId = /\bClientId=([^;]+)/i.exec(authentication ?? '')?.[1];
  return { connectionString, identity: authentication === undefined ? undefined : { clientId } };
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
