import type { Log } from '../log.ts';
import type { AssetId } from '../model.ts';
import type { StorageClients } from './storage-clients.ts';
import { AccessPolicies } from './access-policies.ts';
import { AssetFileIndex } from './asset-file-index.ts';
import { AssetFiles } from './asset-files.ts';
import { AssetPartitions } from './asset-partition.ts';
import { Assets } from './assets.ts';
import { EncodingJobs } from './encoding-jobs.ts';
import { usualLimits, type EncodingLimits } from './encoding-parts.ts';
import { calling } from './errors.ts';
import { Index } from './index-rows.ts';
import { JobPartitions } from './job-rows.ts';
import { Jobs } from './jobs.ts';
import { Locators } from './locators.ts';
import { PublishedBlobs } from './published-blobs.ts';
import { StreamingEndpoints } from './streaming-endpoints.ts';

/** The entities of one media service, over its storage account. */
export interface Store {
  readonly assets: Assets;
  readonly files: AssetFiles;
  readonly policies: AccessPolicies;
  readonly locators: Locators;
  readonly jobs: Jobs;
  readonly endpoints: StreamingEndpoints;
  readonly content: PublishedBlobs;
  readonly encoding: EncodingJobs;
  /** Deletes an asset with its files and locators, and its container unless that is to be kept. */
  deleteAsset(id: AssetId, options: { readonly keepContainer: boolean }): Promise<void>;
  /** The storage account's name. */
  readonly storageAccount: string;
  /** Makes the tables, the queue and the default endpoint where they are missing. */
  prepare(): Promise<void>;
}

export interface StoreOptions {
  readonly clients: StorageClients;
  /** The public base URL of API and streaming, with a slash at its end; known when the service listens. */
  readonly publicBase: () => string;
  readonly log: Log;
  readonly encodingLimits?: EncodingLimits;
}

export function createStore({ clients, publicBase, log, encodingLimits }: StoreOptions): Store {
  const { blobs, queue, signer } = clients;
  const tables = {
    assets: clients.table('mediaassets'),
    policies: clients.table('mediapolicies'),
    jobs: clients.table('mediajobs'),
    index: clients.table('mediaindex'),
    service: clients.table('mediaservice'),
  };
  const index = new Index(tables.index);
  const partitions = new AssetPartitions(tables.assets);
  const assets = new Assets(partitions, index, blobs);
  const files = new AssetFiles(partitions, new AssetFileIndex(tables.index), blobs);
  const policies = new AccessPolicies(tables.policies, index);
  const locators = new Locators({
    partitions,
    claims: tables.index,
    signer,
    blobs,
    streamingBase: publicBase,
  });
  const jobPartitions = new JobPartitions(tables.jobs, index);
  const jobs = new Jobs(jobPartitions, index, tables.index, assets, queue);
  const endpoints = new StreamingEndpoints(tables.service, () => new URL(publicBase()).host);
  const limits = encodingLimits ?? usualLimits;
  return {
    assets,
    files,
    policies,
    locators,
    jobs,
    endpoints,
    content: new PublishedBlobs(locators, files, endpoints, blobs),
    encoding: new EncodingJobs({
      queue,
      partitions: jobPartitions,
      index,
      assets,
      files,
      blobs,
      log,
      limits,
    }),
    deleteAsset: (id, options) =>
      assets.delete(id, options, {
        withdrawLocators: () => locators.withdraw(id),
        dropFileIndex: () => files.dropIndex(id),
      }),
    storageAccount: blobs.accountName,
    async prepare() {
      await Promise.all([
        ...Object.values(tables).map((one) => one.createIfAbsent()),
        calling(() => queue.createIfNotExists()),
      ]);
      await endpoints.createDefault();
    },
  };
}
