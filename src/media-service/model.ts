/**
 * The entities of Media Services v2 as both sides of this project see them: the media service that answers and the
 * client that asks. Names, numbers and rules are the REST reference's. Times are `Date`s here; on the wire they are
 * `\/Date(ms)\/` (verbose JSON) or ISO 8601.
 */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** The prefix of each entity's id: `nb:{prefix}:UUID:{guid}`. */
const idPrefixes = {
  Asset: 'cid',
  AssetFile: 'cid',
  AccessPolicy: 'pid',
  Locator: 'lid',
  Job: 'jid',
  Task: 'tid',
  MediaProcessor: 'mpid',
  StreamingEndpoint: 'oid',
  Operation: 'opid',
} as const;

export type EntityName = keyof typeof idPrefixes;
export type IdOf<Name extends EntityName> = Branded<`${Name}Id`>;

export type AssetId = IdOf<'Asset'>;
export type AssetFileId = IdOf<'AssetFile'>;
export type AccessPolicyId = IdOf<'AccessPolicy'>;
export type LocatorId = IdOf<'Locator'>;
export type JobId = IdOf<'Job'>;
export type TaskId = IdOf<'Task'>;
export type MediaProcessorId = IdOf<'MediaProcessor'>;
export type StreamingEndpointId = IdOf<'StreamingEndpoint'>;
export type OperationId = IdOf<'Operation'>;

const guidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Reads an id of an entity, bare (`{guid}`) or prefixed (`nb:cid:UUID:{guid}`), in any case; the answer is the stored
 * form, prefixed with the guid in lower case. Undefined when it is none.
 */
export function parseId<Name extends EntityName>(entity: Name, text: string): IdOf<Name> | undefined {
  const prefix = `nb:${idPrefixes[entity]}:uuid:`;
  const guid = text.toLowerCase().startsWith(prefix) ? text.slice(prefix.length) : text;
  return guidPattern.test(guid) ? idOf(entity, guid.toLowerCase()) : undefined;
}

/** The id of an entity by its guid, which is one, in lower case. */
export function idOf<Name extends EntityName>(entity: Name, guid: string): IdOf<Name> {
  return `nb:${idPrefixes[entity]}:UUID:${guid}` as IdOf<Name>;
}

/** The guid inside an id: names an asset's container and stands in an origin locator's path. */
export function guidOf(id: Branded<string>): string {
  return id.slice(id.lastIndexOf(':') + 1);
}

/** The blob container of an asset: `asset-{guid}`. */
export function containerOf(assetId: AssetId): string {
  return `asset-${guidOf(assetId)}`;
}

export const AssetState = { Initialized: 0, Published: 1, Deleted: 2 } as const;
export type AssetState = (typeof AssetState)[keyof typeof AssetState];

export const AssetOptions = {
  None: 0,
  StorageEncrypted: 1,
  CommonEncryptionProtected: 2,
  EnvelopeEncryptionProtected: 4,
} as const;
export type AssetOptions = (typeof AssetOptions)[keyof typeof AssetOptions];

export interface Asset {
  readonly Id: AssetId;
  readonly State: AssetState;
  readonly Created: Date;
  readonly LastModified: Date;
  readonly AlternateId: string | null;
  readonly Name: string | null;
  readonly Options: AssetOptions;
  readonly FormatOption: 0;
  readonly Uri: string | null;
  readonly StorageAccountName: string | null;
}

/** The characters an AssetFile's name may have at most (reference: AssetFile, Name). */
export const longestFileName = 260;

/** What no AssetFile's name may have: the reference's characters, and the backslash, which storage takes for a slash. */
export const forbiddenInFileNames = /[!*'();:@&=+$,/?%#[\]"\\]/u;

/**
 * What has no place in any file's name either: control and format characters (a terminal obeys them, a reader sees
 * `4pm` where `mp4` stands) and halves of characters.
 */
export const unprintable = /[\p{Cc}\p{Cf}\p{Cs}]/u;

export interface AssetFile {
  readonly Id: AssetFileId;
  readonly Name: string;
  /** Bytes. Int64, so a string on the wire. */
  readonly ContentFileSize: number;
  readonly ParentAssetId: AssetId;
  readonly EncryptionVersion: string | null;
  readonly EncryptionScheme: string | null;
  readonly IsEncrypted: boolean;
  readonly EncryptionKeyId: string | null;
  readonly InitializationVector: string | null;
  readonly IsPrimary: boolean;
  readonly Created: Date;
  readonly LastModified: Date;
  readonly MimeType: string | null;
  /** The content's MD5 in hex. */
  readonly ContentChecksum: string | null;
  readonly Options: AssetOptions;
}

/** A sum of flags. */
export const Permissions = { None: 0, Read: 1, Write: 2, Delete: 4, List: 8 } as const;

export interface AccessPolicy {
  readonly Id: AccessPolicyId;
  readonly Created: Date;
  readonly LastModified: Date;
  readonly Name: string;
  readonly DurationInMinutes: number;
  /** Flags of {@link Permissions}. */
  readonly Permissions: number;
}

export const LocatorType = { None: 0, Sas: 1, OnDemandOrigin: 2 } as const;
export type LocatorType = (typeof LocatorType)[keyof typeof LocatorType];

export interface Locator {
  readonly Id: LocatorId;
  readonly Name: string | null;
  readonly Type: LocatorType;
  readonly AccessPolicyId: AccessPolicyId;
  readonly AssetId: AssetId;
  readonly StartTime: Date | null;
  /** `StartTime` (or the creation) plus the policy's duration. */
  readonly ExpirationDateTime: Date;
  /** SAS: the container's URL with the signature; a secret. Origin: the streaming endpoint's URL with the locator's guid and a slash. */
  readonly Path: string;
  readonly BaseUri: string;
  /** SAS: the signature part, from `?`; a secret. Origin: the locator's guid. */
  readonly ContentAccessComponent: string;
}

/** The states of a job and of a task. */
export const JobState = {
  Queued: 0,
  Scheduled: 1,
  Processing: 2,
  Finished: 3,
  Error: 4,
  Canceled: 5,
  Canceling: 6,
} as const;
export type JobState = (typeof JobState)[keyof typeof JobState];

export interface Job {
  readonly Id: JobId;
  readonly Name: string;
  readonly Created: Date;
  readonly LastModified: Date;
  readonly StartTime: Date | null;
  readonly EndTime: Date | null;
  readonly Priority: number;
  /** Milliseconds. */
  readonly RunningDuration: number;
  readonly State: JobState;
  readonly TemplateId: string | null;
}

/** The codes of a failed task (reference: Task, ErrorDetails). */
export type TaskErrorCode =
  | 'Unknown'
  | 'ErrorDownloadingInputAssetMalformedContent'
  | 'ErrorDownloadingInputAssetServiceFailure'
  | 'ErrorParsingConfiguration'
  | 'ErrorExecutingTaskMalformedContent'
  | 'ErrorExecutingTaskUnsupportedFormat'
  | 'ErrorProcessingTask'
  | 'ErrorUploadingOutputAsset'
  | 'ErrorCancelingTask'
  | 'TransientError';

export interface TaskErrorDetail {
  readonly Code: TaskErrorCode;
  readonly Message: string;
}

export interface TaskHistoricalEvent {
  readonly Code: string;
  readonly Message: string | null;
  readonly TimeStamp: Date;
}

export interface Task {
  readonly Id: TaskId;
  readonly Name: string | null;
  readonly Configuration: string;
  readonly MediaProcessorId: MediaProcessorId;
  readonly TaskBody: string;
  readonly Options: AssetOptions;
  readonly Priority: number;
  /** Percent, 0 to 100. */
  readonly Progress: number;
  readonly State: JobState;
  readonly StartTime: Date | null;
  readonly EndTime: Date | null;
  /** Milliseconds. */
  readonly RunningDuration: number;
  readonly ErrorDetails: readonly TaskErrorDetail[];
  readonly HistoricalEvents: readonly TaskHistoricalEvent[];
}

export interface MediaProcessor {
  readonly Id: MediaProcessorId;
  readonly Name: string;
  readonly Description: string;
  readonly Sku: string;
  readonly Vendor: string;
  readonly Version: string;
}

export type StreamingEndpointState = 'Stopped' | 'Starting' | 'Running' | 'Stopping' | 'Deleting' | 'Scaling';

export interface StreamingEndpoint {
  readonly Id: StreamingEndpointId;
  readonly Name: string;
  readonly Description: string;
  readonly HostName: string;
  readonly ScaleUnits: number;
  readonly State: StreamingEndpointState;
  readonly Created: Date;
  readonly LastModified: Date;
}

export type OperationState = 'InProgress' | 'Succeeded' | 'Failed';

export interface Operation {
  readonly Id: OperationId;
  readonly State: OperationState;
  readonly TargetEntityId: string;
  readonly ErrorCode: string | null;
  readonly ErrorMessage: string | null;
}
