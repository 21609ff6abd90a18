import type { TransactionAction } from '@azure/data-tables';
import type { BlobServiceClient } from '@azure/storage-blob';
import { containerOf, guidOf, idOf, type AssetFile, type AssetFileId, type AssetId } from '../model.ts';
import { newFileGuid, type AssetFileIndex } from './asset-file-index.ts';
import {
  checkCharacters,
  checkName,
  fileOf,
  fileOfRow,
  fileRows,
  insertions,
  nameRowKey,
  propertiesOf,
  rowKeyOf,
  rowOf,
  type FileProperties,
  type FileRow,
  type FileTexts,
  type NameProperties,
} from './asset-file-rows.ts';
import {
  actionsPerChange,
  type AssetChange,
  type AssetPartitions,
  type AssetRow,
} from './asset-partition.ts';
import { mapConcurrently } from './concurrency.ts';
import { calling, conflict, notFound, statusOf } from './errors.ts';
import { scanRows, type Scan } from './scan.ts';
import { ownProperties } from './table.ts';

export interface NewFile extends FileTexts {
  readonly name: string;
  readonly parentAssetId: AssetId;
}

/** A file that came to be in the asset's container without the API's doing. */
export interface RecordedFile {
  readonly name: string;
  readonly size: number;
  /** Hex. */
  readonly md5: string | undefined;
  readonly mimeType: string | undefined;
}

export class AssetFiles {
  readonly #partitions: AssetPartitions;
  readonly #index: AssetFileIndex;
  readonly #blobs: BlobServiceClient;

  constructor(partitions: AssetPartitions, index: AssetFileIndex, blobs: BlobServiceClient) {
    this.#partitions = partitions;
    this.#index = index;
    this.#blobs = blobs;
  }

  /** @throws StoreRefusal for a bad or taken name, a second primary file, a missing asset */
  async create(file: NewFile): Promise<AssetFile> {
    checkName(file.name);
    const assetGuid = guidOf(file.parentAssetId);
    const guid = newFileGuid(assetGuid);
    const now = new Date();
    const properties = propertiesOf(file, {
      Name: file.name,
      ContentFileSize: 0n,
      Created: now,
      LastModified: now,
    });
    await this.#index.add(assetGuid, [guid]);
    return this.#partitions.change(file.parentAssetId, async (asset) => {
      const owner = await this.#ownerOf(assetGuid, file.name);
      const isPrimary = file.isPrimary === true;
      const result = fileOf(guid, assetGuid, properties, isPrimary);
      if (owner === guid) return { unchanged: true, result };
      if (owner !== undefined) throw nameTaken(file.name);
      if (isPrimary && asset.PrimaryFile !== undefined) throw secondPrimary();
      return {
        ...(isPrimary && { asset: { ...ownProperties(asset), PrimaryFile: guid } }),
        actions: insertions(assetGuid, guid, properties),
        result,
      };
    });
  }

  async get(id: AssetFileId): Promise<AssetFile | undefined> {
    const assetGuid = await this.#index.assetOf(guidOf(id));
    if (assetGuid === undefined) return undefined;
    const [asset, row] = await Promise.all([
      this.#partitions.read(assetGuid),
      this.#partitions.table.get<FileProperties>(assetGuid, rowKeyOf(guidOf(id))),
    ]);
    if (asset === undefined || row === undefined) return undefined;
    return fileOf(guidOf(id), assetGuid, row, asset.PrimaryFile === guidOf(id));
  }

  /** The files of one asset, or (a scan of every asset) all. */
  scan(assetId: AssetId | undefined): Scan<AssetFile> {
    return assetId === undefined ? this.#scanAll() : this.#scanAsset(assetId);
  }

  async nameOf(assetGuid: string, fileGuid: string): Promise<string | undefined> {
    return (await this.#partitions.table.get<FileProperties>(assetGuid, rowKeyOf(fileGuid)))?.Name;
  }

  /** The name of the asset's primary file when it has one. */
  async primaryOf(assetId: AssetId): Promise<string | undefined> {
    const asset = await this.#partitions.read(guidOf(assetId));
    const guid = asset?.PrimaryFile;
    return guid === undefined ? undefined : this.nameOf(guidOf(assetId), guid);
  }

  async update(id: AssetFileId, update: FileTexts): Promise<void> {
    if (update.name !== undefined) checkName(update.name);
    const guid = guidOf(id);
    await this.#changeFile(id, async (asset, row) => {
      const assetGuid = row.partitionKey;
      const changed = propertiesOf(update, { ...ownProperties(row), LastModified: new Date() });
      const actions: TransactionAction[] = [
        ['update', rowOf(assetGuid, guid, changed), 'Replace', { etag: row.etag }],
      ];
      if (changed.Name !== row.Name) {
        const owner = await this.#ownerOf(assetGuid, changed.Name);
        if (owner !== undefined) throw nameTaken(changed.Name);
        actions.push(
          ['delete', { partitionKey: assetGuid, rowKey: nameRowKey(row.Name) }],
          ['create', { partitionKey: assetGuid, rowKey: nameRowKey(changed.Name), FileGuid: guid }],
        );
      }
      const { PrimaryFile: primary, ...rest } = ownProperties(asset);
      if (update.isPrimary === true && primary !== undefined && primary !== guid) throw secondPrimary();
      const setPrimary = update.isPrimary === true && primary === undefined;
      const unsetPrimary = update.isPrimary === false && primary === guid;
      return {
        ...(setPrimary && { asset: { ...rest, PrimaryFile: guid } }),
        ...(unsetPrimary && { asset: rest }),
        actions,
        result: undefined,
      };
    });
  }

  /** Deletes the entity; the blob stays. */
  async delete(id: AssetFileId): Promise<void> {
    const guid = guidOf(id);
    await this.#changeFile(id, (asset, row) => {
      const assetGuid = row.partitionKey;
      const { PrimaryFile: primary, ...rest } = ownProperties(asset);
      return {
        ...(primary === guid && { asset: rest }),
        actions: [
          ['delete', { partitionKey: assetGuid, rowKey: row.rowKey }],
          ['delete', { partitionKey: assetGuid, rowKey: nameRowKey(row.Name) }],
        ],
        result: undefined,
      };
    });
    await this.#index.drop(guid);
  }

  /**
   * Makes a file for each blob of the asset's container that has none yet; chooses no primary file. A blob whose name no
   * file can have is not passed over: the asset would go on without it.
   * @throws StoreRefusal when the asset or its container is missing, or a blob's name has control characters
   */
  async createFromBlobs(assetId: AssetId): Promise<void> {
    const blobs: RecordedFile[] = [];
    const container = this.#blobs.getContainerClient(containerOf(assetId));
    if ((await this.#partitions.read(guidOf(assetId))) === undefined) throw notFound(`Assets('${assetId}')`);
    try {
      await calling(async () => {
        for await (const blob of container.listBlobsFlat()) {
          blobs.push({
            name: blob.name,
            size: blob.properties.contentLength ?? 0,
            md5: undefined,
            mimeType: undefined,
          });
        }
      });
    } catch (error) {
      if (statusOf(error) === 404) throw conflict(`The container of asset ${assetId} is missing.`);
      throw error;
    }
    for (const { name } of blobs) checkCharacters(name);
    await this.record(assetId, blobs);
  }

  /** Makes a file of each name that has none yet in the asset; `renew` brings those it has up to date. */
  async record(
    assetId: AssetId,
    files: readonly RecordedFile[],
    { renew = false }: { readonly renew?: boolean } = {},
  ): Promise<void> {
    const assetGuid = guidOf(assetId);
    const taken = await this.#names(assetGuid);
    const missing = files.filter(({ name }) => !taken.has(name));
    for (const { name, size, md5, mimeType } of renew ? files : []) {
      const guid = taken.get(name);
      if (guid === undefined) continue;
      await this.update(idOf('AssetFile', guid), {
        contentFileSize: size,
        contentChecksum: md5 ?? null,
        mimeType: mimeType ?? null,
      });
    }
    // Two rows a file: the file's own and the one that keeps its name.
    const chunkSize = Math.floor(actionsPerChange / 2);
    for (let start = 0; start < missing.length; start += chunkSize) {
      const chunk = missing.slice(start, start + chunkSize);
      const guids = new Map(chunk.map(({ name }) => [name, newFileGuid(assetGuid)]));
      await this.#index.add(assetGuid, [...guids.values()]);
      await this.#partitions.change(assetId, async (_asset, attempt) => {
        const names = attempt === 0 ? taken : await this.#names(assetGuid);
        const now = new Date();
        const actions = chunk.flatMap(({ name, size, md5, mimeType }) => {
          const guid = guids.get(name);
          if (guid === undefined || names.has(name)) return [];
          return insertions(assetGuid, guid, {
            Name: name,
            ContentFileSize: BigInt(size),
            ...(md5 !== undefined && { ContentChecksum: md5 }),
            ...(mimeType !== undefined && { MimeType: mimeType }),
            Created: now,
            LastModified: now,
          });
        });
        return { actions, unchanged: actions.length === 0, result: undefined };
      });
    }
  }

  /** Drops the index rows of a deleted asset's files. */
  async dropIndex(assetId: AssetId): Promise<void> {
    const rows = await this.#partitions.table.all(guidOf(assetId), fileRows);
    await mapConcurrently(rows, 16, ({ rowKey }) => this.#index.drop(rowKey.slice(fileRows.from.length)));
  }

  /** The guids of an asset's files, by their names. */
  async #names(assetGuid: string): Promise<Map<string, string>> {
    const rows = await this.#partitions.table.all<FileProperties>(assetGuid, fileRows);
    return new Map(rows.map(({ Name, rowKey }) => [Name, rowKey.slice(fileRows.from.length)]));
  }

  /** Changes an asset for the sake of one of its files. @throws StoreRefusal when there is no such file */
  async #changeFile(
    id: AssetFileId,
    change: (asset: AssetRow, row: FileRow) => AssetChange<undefined> | Promise<AssetChange<undefined>>,
  ): Promise<void> {
    const guid = guidOf(id);
    const assetGuid = await this.#index.assetOf(guid);
    if (assetGuid === undefined) throw notFound(`Files('${id}')`);
    await this.#partitions.change(idOf('Asset', assetGuid), async (asset) => {
      const row = await this.#partitions.table.get<FileProperties>(assetGuid, rowKeyOf(guid));
      if (row === undefined) throw notFound(`Files('${id}')`);
      return change(asset, row);
    });
  }

  async #ownerOf(assetGuid: string, name: string): Promise<string | undefined> {
    return (await this.#partitions.table.get<NameProperties>(assetGuid, nameRowKey(name)))?.FileGuid;
  }

  #scanAsset(assetId: AssetId): Scan<AssetFile> {
    const assetGuid = guidOf(assetId);
    const partitions = this.#partitions;
    return async function* (after, size) {
      const asset = await partitions.read(assetGuid);
      if (asset === undefined) return;
      const from = after === undefined ? fileRows.from : `${after}\u0020`;
      const range = { from, before: fileRows.before };
      for await (const page of partitions.table.partition<FileProperties>(assetGuid, range, size)) {
        yield page.map((row) => ({ key: row.rowKey, value: fileOfRow(row, asset.PrimaryFile) }));
      }
    };
  }

  #scanAll(): Scan<AssetFile> {
    const partitions = this.#partitions;
    return (after, size) => {
      // One look at each asset serves the files of a scan.
      const assets = new Map<string, ReturnType<AssetPartitions['read']>>();
      const assetOf = (guid: string): ReturnType<AssetPartitions['read']> => {
        const known = assets.get(guid) ?? partitions.read(guid);
        assets.set(guid, known);
        return known;
      };
      const scan = scanRows(partitions.table, fileRows, async (row: FileRow) => {
        const asset = await assetOf(row.partitionKey);
        return asset === undefined ? undefined : fileOfRow(row, asset.PrimaryFile);
      });
      return scan(after, size);
    };
  }
}

const nameTaken = (name: string): Error => conflict(`The asset has a file named '${name}' already.`);
const secondPrimary = (): Error => conflict('The asset has a primary file already.');
