import { z } from 'zod';
import { describe, integer, name, read, url, type Environment } from './settings.ts';

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

export const mediaServiceSettingDescriptions = describe(mediaServiceSettings);

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
