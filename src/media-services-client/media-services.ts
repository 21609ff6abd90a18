import type {
  AccessPolicy,
  AccessPolicyId,
  Asset,
  AssetFile,
  AssetFileId,
  AssetId,
  AssetOptions,
  Job,
  JobId,
  Locator,
  LocatorId,
  LocatorType,
  MediaProcessor,
  MediaProcessorId,
  StreamingEndpoint,
  StreamingEndpointId,
  Task,
} from '../media-service/model.ts';

export interface NewLocator {
  /** Given for a replica: the source's locator id. */
  readonly id?: LocatorId;
  readonly name?: string;
  readonly type: LocatorType;
  readonly accessPolicyId: AccessPolicyId;
  readonly assetId: AssetId;
  readonly startTime: Date;
}

export interface NewJob {
  readonly name: string;
  readonly inputAssetId: AssetId;
  readonly outputAssetName: string;
  readonly mediaProcessorId: MediaProcessorId;
  /** A preset's name, or its JSON. */
  readonly configuration: string;
}

/**
 * One data center's media service, over the Media Services v2 REST API. Everything throws `MediaServicesError`
 * (`./errors.ts`): the service's status and code, whether it may be tried again, never a secret. Reads that find no
 * entity answer undefined; deleting what is absent is success. Writes whose answer was lost are not repeated blindly:
 * the caller looks first whether the write took.
 */
export interface MediaServices {
  createAsset(asset: { name: string; alternateId?: string; options?: AssetOptions }): Promise<Asset>;
  asset(id: AssetId): Promise<Asset | undefined>;
  /** Oldest first (ties by id), so that every caller picks the same one. */
  assetsByAlternateId(alternateId: string): Promise<readonly Asset[]>;
  /** Every asset, page by page; `filter` is an OData filter over Asset. */
  assets(filter?: string): AsyncIterable<Asset>;
  updateAsset(id: AssetId, change: { name?: string; alternateId?: string }): Promise<void>;
  deleteAsset(id: AssetId): Promise<void>;

  files(assetId: AssetId): Promise<readonly AssetFile[]>;
  updateFile(id: AssetFileId, change: { isPrimary: boolean }): Promise<void>;
  createFileInfos(assetId: AssetId): Promise<void>;

  /** The oldest policy with this name and these terms, made when there is none: policies are reused, one a purpose. */
  accessPolicy(policy: {
    name: string;
    durationInMinutes: number;
    permissions: number;
  }): Promise<AccessPolicy>;

  createLocator(locator: NewLocator): Promise<Locator>;
  locator(id: LocatorId): Promise<Locator | undefined>;
  locators(assetId: AssetId): Promise<readonly Locator[]>;
  deleteLocator(id: LocatorId): Promise<void>;

  /** The one with the highest version of this name. */
  mediaProcessor(name: string): Promise<MediaProcessor>;
  createJob(job: NewJob): Promise<Job>;
  job(id: JobId): Promise<Job | undefined>;
  /** Oldest first. */
  jobsByName(name: string): Promise<readonly Job[]>;
  tasks(jobId: JobId): Promise<readonly Task[]>;
  outputAssets(jobId: JobId): Promise<readonly Asset[]>;
  /** A job that has ended already is left as it is. */
  cancelJob(id: JobId): Promise<void>;

  streamingEndpoints(): Promise<readonly StreamingEndpoint[]>;
  /** Starts it and waits until the operation has ended. */
  startStreamingEndpoint(id: StreamingEndpointId): Promise<void>;
}
