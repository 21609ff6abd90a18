import type { BlobServiceClient } from '@azure/storage-blob';
import { AssetOptions, AssetState, containerOf, guidOf, idOf, type Asset, type AssetId } from '../model.ts';
import {
  actionsPerChange,
  assetRowKey,
  type AssetPartitions,
  type AssetProperties,
  type AssetRow,
} from './asset-partition.ts';
import { calling, invalid, notFound } from './errors.ts';
import { timeOf, timeOrderedGuid } from './guids.ts';
import { valuePartition, type Index } from './index-rows.ts';
import { scanRows, type Scan } from './scan.ts';
import { orNull, ownProperties, startingWith } from './table.ts';

export interface NewAsset {
  readonly name?: string | null;
  readonly alternateId?: string | null;
  readonly options?: AssetOptions;
  /** The inputs of the job that makes this asset. */
  readonly parents?: readonly AssetId[];
}

export interface AssetUpdate {
  readonly name?: string | null;
  readonly alternateId?: string | null;
}

const nameLimit = 512;
const alternateIdLimit = 4000;

/** What deleting an asset has to end in other places. */
export interface AssetEnding {
  /** Takes the asset's locators back: their index rows, and the SAS they gave. */
  withdrawLocators(): Promise<void>;
  /** Drops the index rows of its files. */
  dropFileIndex(): Promise<void>;
}

export class Assets {
  readonly #partitions: AssetPartitions;
  readonly #index: Index;
  readonly #blobs: BlobServiceClient;

  constructor(partitions: AssetPartitions, index: Index, blobs: BlobServiceClient) {
    this.#partitions = partitions;
    this.#index = index;
    this.#blobs = blobs;
  }

  /** Makes an asset and its container. */
  async create(asset: NewAsset): Promise<Asset> {
    checkTexts(asset);
    const guid = timeOrderedGuid();
    const id = idOf('Asset', guid);
    const now = new Date(timeOf(guid));
    const properties: AssetProperties = {
      Options: asset.options ?? AssetOptions.None,
      Created: now,
      LastModified: now,
      ...texts(asset),
      ...(asset.parents !== undefined && { ParentAssets: JSON.stringify(asset.parents) }),
    };
    await Promise.all([
      this.#index.write(valuePartitions(properties), guid),
      calling(() => this.#blobs.getContainerClient(containerOf(id)).createIfNotExists()),
    ]);
    await this.#partitions.insert(guid, properties);
    return this.#assetOf(guid, properties);
  }

  async get(id: AssetId): Promise<Asset | undefined> {
    const row = await this.#partitions.read(guidOf(id));
    return row === undefined ? undefined : this.#assetOf(row.partitionKey, row);
  }

  /** The assets this one was encoded from. */
  async parents(id: AssetId): Promise<readonly AssetId[]> {
    const row = await this.#partitions.read(guidOf(id));
    if (row === undefined) throw notFound(`Assets('${id}')`);
    return row.ParentAssets === undefined ? [] : (JSON.parse(row.ParentAssets) as AssetId[]);
  }

  /** Assets in the order of their creation: all, or those with a name or an alternate id. */
  scan(by: { readonly name?: string; readonly alternateId?: string }): Scan<Asset> {
    const { name, alternateId } = by;
    if (alternateId === undefined && name === undefined) {
      const rows = startingWith(assetRowKey);
      return scanRows(this.#partitions.table, rows, (row: AssetRow) =>
        row.Deleted === true ? undefined : this.#assetOf(row.partitionKey, row),
      );
    }
    const partition =
      alternateId !== undefined
        ? valuePartition('asset', 'AlternateId', alternateId)
        : valuePartition('asset', 'Name', name ?? '');
    return this.#index.scan(partition, async (guid) => {
      const row = await this.#partitions.read(guid);
      const fits =
        row !== undefined &&
        (alternateId === undefined || row.AlternateId === alternateId) &&
        (alternateId !== undefined || name === undefined || row.Name === name);
      return fits ? this.#assetOf(guid, row) : undefined;
    });
  }

  /** Changes name and alternate id; what is left out stays. */
  async update(id: AssetId, update: AssetUpdate): Promise<void> {
    checkTexts(update);
    await this.#partitions.change(id, async (row) => {
      const { Name, AlternateId, ...rest } = ownProperties(row);
      const changed = {
        ...rest,
        ...texts({ name: orNull(Name), alternateId: orNull(AlternateId), ...update }),
      };
      await this.#index.write(valuePartitions(changed), row.partitionKey);
      return { asset: changed, result: undefined };
    });
  }

  /**
   * Deletes an asset with its files, locators and (unless kept) its container. The mark on its row ends it for every
   * reader at once; a deletion that broke off after that goes on when it is asked for again.
   */
  async delete(
    id: AssetId,
    options: { readonly keepContainer: boolean },
    ending: AssetEnding,
  ): Promise<void> {
    const guid = guidOf(id);
    const row = await this.#partitions.rowOf(guid);
    if (row === undefined) throw notFound(`Assets('${id}')`);
    if (row.Deleted !== true) {
      await this.#partitions.change(id, (asset) => ({
        asset: { ...ownProperties(asset), Deleted: true },
        result: undefined,
      }));
    }
    await ending.withdrawLocators();
    if (!options.keepContainer) {
      await calling(() => this.#blobs.getContainerClient(containerOf(id)).deleteIfExists());
    }
    await ending.dropFileIndex();
    await this.#index.drop(valuePartitions(row), guid);
    await this.#removeRows(guid);
  }

  async #removeRows(guid: string): Promise<void> {
    const rows = await this.#partitions.table.all(guid);
    const others = rows.filter((row) => row.rowKey !== assetRowKey);
    for (let start = 0; start < others.length; start += actionsPerChange) {
      await this.#partitions.table.transact(
        others
          .slice(start, start + actionsPerChange)
          .map(({ partitionKey, rowKey }) => ['delete', { partitionKey, rowKey }]),
      );
    }
    const asset = await this.#partitions.rowOf(guid);
    if (asset !== undefined) await this.#partitions.remove(asset);
  }

  #assetOf(guid: string, row: AssetProperties | AssetRow): Asset {
    const id = idOf('Asset', guid);
    return {
      Id: id,
      State: AssetState.Initialized,
      Created: row.Created,
      LastModified: row.LastModified,
      AlternateId: orNull(row.AlternateId),
      Name: orNull(row.Name),
      Options: row.Options,
      FormatOption: 0,
      Uri: this.#blobs.getContainerClient(containerOf(id)).url,
      StorageAccountName: this.#blobs.accountName,
    };
  }
}

/** What the service answers for an asset that a job still names and that is gone (reference: Job, InputMediaAssets). */
export function nonexistentAsset(id: AssetId): Asset {
  const unknown = new Date(0);
  return {
    Id: id,
    State: AssetState.Deleted,
    Created: unknown,
    LastModified: unknown,
    AlternateId: null,
    Name: 'Nonexistent Asset',
    Options: AssetOptions.None,
    FormatOption: 0,
    Uri: null,
    StorageAccountName: null,
  };
}

function valuePartitions(asset: { readonly Name?: string; readonly AlternateId?: string }): string[] {
  return [
    ...(asset.Name !== undefined ? [valuePartition('asset', 'Name', asset.Name)] : []),
    ...(asset.AlternateId !== undefined ? [valuePartition('asset', 'AlternateId', asset.AlternateId)] : []),
  ];
}

function texts(asset: AssetUpdate): { Name?: string; AlternateId?: string } {
  return {
    ...(typeof asset.name === 'string' && { Name: asset.name }),
    ...(typeof asset.alternateId === 'string' && { AlternateId: asset.alternateId }),
  };
}

function checkTexts({ name, alternateId }: AssetUpdate): void {
  if ((name?.length ?? 0) > nameLimit) throw invalid(`Name has more than ${nameLimit} characters.`);
  if ((alternateId?.length ?? 0) > alternateIdLimit) {
    throw invalid(`AlternateId has more than ${alternateIdLimit} characters.`);
  }
}
