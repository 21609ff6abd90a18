import { z } from 'zod';
import { describe, integer, name, read, url, type Environment } from './settings.ts';

const roles = z
  .string()
  .default('api,encoder')
  .transform((text) => text.split(',').map((role) => role.trim()))
  .pipe(z.array(z.enum(['api', 'encoder'])).min(1));

/** Several values with a comma. */
const list = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(z.array(name).min(1));

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
  MEDIA_SERVICE_TENANT_ID: name
    .optional()
    .describe('The Microsoft Entra tenant whose tokens the API accepts, instead of its own'),
  MEDIA_SERVICE_AUDIENCE: list
    .optional()
    .describe("What Entra's tokens must be for: application ID URI or client id, several with a comma"),
  MEDIA_SERVICE_APP_ROLE: name
    .default('Media.Manage')
    .describe("The application role that Entra's tokens must have"),
  MEDIA_SERVICE_AUTHORITY: url
    .default('https://login.microsoftonline.com')
    .describe("Entra's base URL: another one in a national cloud"),
  STORAGE_CONNECTION_STRING: name
    .optional()
    .describe('Storage account with its key: SAS by stored access policy'),
  STORAGE_BLOB_URL: url.optional().describe('Blob endpoint, with a managed identity: SAS by user delegation'),
  STORAGE_QUEUE_URL: url.optional().describe('Queue endpoint, with a managed identity'),
  STORAGE_TABLE_URL: url.optional().describe('Table endpoint, with a managed identity'),
  AZURE_CLIENT_ID: name
    .optional()
    .describe('Client id of the user-assigned identity to use the storage with'),
  FFMPEG_PATH: name.optional().describe('ffmpeg; absent: the one on PATH, then the npm package'),
  FFPROBE_PATH: name.optional().describe('ffprobe; absent: the one on PATH, then the npm package'),
  ENCODER_SPEED: z
    .enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'])
    .default('veryfast')
    .describe("libx264's preset: slower is smaller"),
  ENCODER_TIME_LIMIT_MINUTES: integer(1, 700)
    .default(480)
    .describe('How long one encode may take; then it counts as a failed attempt'),
  INDEX_CACHE_BYTES: integer(0, 2 ** 40)
    .default(64 * 2 ** 20)
    .describe('Memory for track indexes, bytes'),
  FRAGMENT_CACHE_BYTES: integer(0, 2 ** 40)
    .default(256 * 2 ** 20)
    .describe('Memory for fragments, bytes'),
  PATH: name.optional(),
});

export const mediaServiceSettingDescriptions = describe(mediaServiceSettings);

export type StorageConfig =
  | { readonly kind: 'key'; readonly connectionString: string }
  | {
      readonly kind: 'identity';
      readonly blobUrl: string;
      readonly queueUrl: string;
      readonly tableUrl: string;
      /** Of a user-assigned identity; undefined: whichever identity there is. */
      readonly clientId: string | undefined;
    };

/** Whose tokens the API accepts: those of its own token endpoint, or Microsoft Entra's. */
export type TokenConfig =
  | { readonly kind: 'own'; readonly client: { readonly id: string; readonly secret: string } }
  | {
      readonly kind: 'entra';
      readonly tenantId: string;
      readonly audiences: readonly string[];
      readonly role: string;
      /** Without a slash at its end. */
      readonly authority: string;
    };

export interface MediaServiceConfig {
  readonly roles: readonly ('api' | 'encoder')[];
  readonly account: string;
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string | undefined;
  /** Undefined: no API can be served, only an encoder run. */
  readonly tokens: TokenConfig | undefined;
  readonly storage: StorageConfig;
  readonly ffmpegPath: string | undefined;
  readonly ffprobePath: string | undefined;
  readonly searchPath: string | undefined;
  readonly encoderSpeed: string;
  readonly encoderTimeLimitMinutes: number;
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
    )
    .refine((s) => (s.MEDIA_SERVICE_TENANT_ID === undefined) === (s.MEDIA_SERVICE_AUDIENCE === undefined), {
      path: ['MEDIA_SERVICE_AUDIENCE'],
      error: 'goes with MEDIA_SERVICE_TENANT_ID: set both or none',
    })
    .refine((s) => s.MEDIA_SERVICE_TENANT_ID === undefined || s.MEDIA_SERVICE_CLIENT_ID === undefined, {
      path: ['MEDIA_SERVICE_TENANT_ID'],
      error: 'cannot stand beside MEDIA_SERVICE_CLIENT_ID: tokens come from Entra or from the own endpoint',
    });
  const settings = read(checked, environment);
  const { STORAGE_BLOB_URL: blobUrl, STORAGE_QUEUE_URL: queueUrl, STORAGE_TABLE_URL: tableUrl } = settings;
  const storage: StorageConfig =
    settings.STORAGE_CONNECTION_STRING !== undefined
      ? { kind: 'key', connectionString: settings.STORAGE_CONNECTION_STRING }
      : {
          kind: 'identity',
          blobUrl: blobUrl ?? '',
          queueUrl: queueUrl ?? '',
          tableUrl: tableUrl ?? '',
          clientId: settings.AZURE_CLIENT_ID,
        };
  return {
    roles: settings.MEDIA_SERVICE_ROLES,
    account: settings.MEDIA_SERVICE_ACCOUNT,
    host: settings.MEDIA_SERVICE_HOST,
    port: settings.MEDIA_SERVICE_PORT,
    publicUrl: settings.MEDIA_SERVICE_URL,
    tokens: tokenConfig(settings),
    storage,
    ffmpegPath: settings.FFMPEG_PATH,
    ffprobePath: settings.FFPROBE_PATH,
    searchPath: settings.PATH,
    encoderSpeed: settings.ENCODER_SPEED,
    encoderTimeLimitMinutes: settings.ENCODER_TIME_LIMIT_MINUTES,
    indexCacheBytes: settings.INDEX_CACHE_BYTES,
    fragmentCacheBytes: settings.FRAGMENT_CACHE_BYTES,
  };
}

function tokenConfig(settings: z.infer<typeof mediaServiceSettings>): TokenConfig | undefined {
  const { MEDIA_SERVICE_CLIENT_ID: id, MEDIA_SERVICE_CLIENT_SECRET: secret } = settings;
  if (id !== undefined && secret !== undefined) return { kind: 'own', client: { id, secret } };
  const { MEDIA_SERVICE_TENANT_ID: tenantId, MEDIA_SERVICE_AUDIENCE: audiences } = settings;
  if (tenantId === undefined || audiences === undefined) return undefined;
  return {
    kind: 'entra',
    tenantId,
    audiences,
    role: settings.MEDIA_SERVICE_APP_ROLE,
    authority: settings.MEDIA_SERVICE_AUTHORITY.replace(/\/+$/, ''),
  };
}
