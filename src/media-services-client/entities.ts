/** The entities as they travel, read into those of `model.ts`: both JSON forms, both forms of dates, Int64 strings. */
import { z } from 'zod';
import {
  parseId,
  type AccessPolicy,
  type Asset,
  type AssetFile,
  type EntityName,
  type IdOf,
  type Job,
  type Locator,
  type MediaProcessor,
  type Operation,
  type StreamingEndpoint,
  type Task,
  type TaskErrorCode,
} from '../media-service/model.ts';

const verboseDate = /^\/Date\((-?\d+)(?:[+-]\d{4})?\)\/$/;
const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/i;

/** `/Date(ms)/` or ISO 8601 (times without a zone are UTC); year 1 is how .NET writes an unset date: null. */
const wireDate = z.string().transform((text, context): Date | null => {
  const milliseconds = verboseDate.exec(text)?.[1];
  const date = new Date(
    milliseconds !== undefined ? Number(milliseconds) : zoned.test(text) ? text : `${text}Z`,
  );
  if (Number.isNaN(date.getTime())) {
    context.addIssue({ code: 'custom', message: 'is no date' });
    return z.NEVER;
  }
  return date.getUTCFullYear() <= 1 ? null : date;
});
const optionalDate = wireDate.nullish().transform((date) => date ?? null);
const date = wireDate.transform((value) => value ?? new Date(0));

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? null);
const words = text.transform((value) => value ?? '');
const int64 = z.union([z.number(), z.string().regex(/^-?\d+$/).transform(Number)]); // prettier-ignore
const double = z.union([z.number(), z.string().regex(/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i).transform(Number)]); // prettier-ignore

function id<Name extends EntityName>(entity: Name): z.ZodType<IdOf<Name>> {
  return z.string().transform((given, context): IdOf<Name> => {
    const parsed = parseId(entity, given);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: `is no id of ${entity}` });
    return z.NEVER;
  });
}

/** A collection of complex values: an array in light JSON, `{"results": […]}` in verbose. */
function collection<Item extends z.ZodType>(item: Item) {
  return z
    .union([z.array(item), z.object({ results: z.array(item) }).transform(({ results }) => results)])
    .nullish()
    .transform((items) => items ?? []);
}

const assetOptions = z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(4)]);
const jobState = z.union([
  z.literal(0),
  z.literal(1),
  z.literal(2),
  z.literal(3),
  z.literal(4),
  z.literal(5),
  z.literal(6),
]);

export const asset: z.ZodType<Asset> = z.object({
  Id: id('Asset'),
  State: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  Created: date,
  LastModified: date,
  AlternateId: text,
  Name: text,
  Options: assetOptions,
  // Concerns live streams only, which nothing here makes.
  FormatOption: z.unknown().transform(() => 0 as const),
  Uri: text,
  StorageAccountName: text,
});

export const assetFile: z.ZodType<AssetFile> = z.object({
  Id: id('AssetFile'),
  Name: z.string(),
  ContentFileSize: int64,
  ParentAssetId: id('Asset'),
  EncryptionVersion: text,
  EncryptionScheme: text,
  IsEncrypted: z.boolean(),
  EncryptionKeyId: text,
  InitializationVector: text,
  IsPrimary: z.boolean(),
  Created: date,
  LastModified: date,
  MimeType: text,
  ContentChecksum: text,
  Options: assetOptions.default(0),
});

export const accessPolicy: z.ZodType<AccessPolicy> = z.object({
  Id: id('AccessPolicy'),
  Created: date,
  LastModified: date,
  Name: z.string(),
  DurationInMinutes: double,
  Permissions: z.number().int(),
});

export const locator: z.ZodType<Locator> = z.object({
  Id: id('Locator'),
  Name: text,
  Type: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  AccessPolicyId: id('AccessPolicy'),
  AssetId: id('Asset'),
  StartTime: optionalDate,
  ExpirationDateTime: date,
  Path: z.string(),
  BaseUri: words,
  ContentAccessComponent: words,
});

export const job: z.ZodType<Job> = z.object({
  Id: id('Job'),
  Name: words,
  Created: date,
  LastModified: date,
  StartTime: optionalDate,
  EndTime: optionalDate,
  Priority: z.number(),
  RunningDuration: double,
  State: jobState,
  TemplateId: text,
});

const taskErrorCodes = [
  'Unknown',
  'ErrorDownloadingInputAssetMalformedContent',
  'ErrorDownloadingInputAssetServiceFailure',
  'ErrorParsingConfiguration',
  'ErrorExecutingTaskMalformedContent',
  'ErrorExecutingTaskUnsupportedFormat',
  'ErrorProcessingTask',
  'ErrorUploadingOutputAsset',
  'ErrorCancelingTask',
  'TransientError',
] as const satisfies readonly TaskErrorCode[];

const taskErrorDetail = z.object({ Code: words, Message: words }).transform(({ Code, Message }) => {
  const known = taskErrorCodes.find((code) => code === Code);
  // A code that the reference does not list must not hide the failure; it stays readable in the message.
  return known === undefined
    ? { Code: 'Unknown' as const, Message: Code === '' ? Message : `${Code}: ${Message}` }
    : { Code: known, Message };
});

export const task: z.ZodType<Task> = z.object({
  Id: id('Task'),
  Name: text,
  Configuration: words,
  MediaProcessorId: id('MediaProcessor'),
  TaskBody: words,
  Options: assetOptions,
  Priority: z.number(),
  Progress: double,
  State: jobState,
  StartTime: optionalDate,
  EndTime: optionalDate,
  RunningDuration: double,
  ErrorDetails: collection(taskErrorDetail),
  HistoricalEvents: collection(z.object({ Code: words, Message: text, TimeStamp: date })),
});

export const mediaProcessor: z.ZodType<MediaProcessor> = z.object({
  Id: id('MediaProcessor'),
  Name: z.string(),
  Description: words,
  Sku: words,
  Vendor: words,
  Version: z.string(),
});

export const streamingEndpoint: z.ZodType<StreamingEndpoint> = z.object({
  Id: id('StreamingEndpoint'),
  Name: z.string(),
  Description: words,
  HostName: words,
  ScaleUnits: z.number(),
  State: z.enum(['Stopped', 'Starting', 'Running', 'Stopping', 'Deleting', 'Scaling']),
  Created: date,
  LastModified: date,
});

export const operation: z.ZodType<Operation> = z.object({
  Id: id('Operation'),
  State: z.enum(['InProgress', 'Succeeded', 'Failed']),
  TargetEntityId: words,
  ErrorCode: text,
  ErrorMessage: text,
});
