import { createHash } from 'node:crypto';
import type { TransactionAction } from '@azure/data-tables';
import {
  AssetOptions,
  forbiddenInFileNames,
  idOf,
  longestFileName,
  unprintable,
  type AssetFile,
} from '../model.ts';
import { invalid } from './errors.ts';
import { orNull, startingWith, withoutNulls, type RowKey, type Stored } from './table.ts';

/** A row `file:{guid}` of an asset's partition. */
export interface FileProperties {
  readonly Name: string;
  readonly ContentFileSize: bigint;
  readonly MimeType?: string;
  readonly ContentChecksum?: string;
  readonly IsEncrypted?: boolean;
  readonly EncryptionVersion?: string;
  readonly EncryptionScheme?: string;
  readonly EncryptionKeyId?: string;
  readonly InitializationVector?: string;
  readonly Created: Date;
  readonly LastModified: Date;
}

export type FileRow = Stored<FileProperties>;

/** The row that keeps a name from being taken twice in an asset. */
export interface NameProperties {
  readonly FileGuid: string;
}

/** What a client may say of a file; what is left out stays. */
export interface FileTexts {
  readonly name?: string;
  /** Bytes. */
  readonly contentFileSize?: number;
  readonly mimeType?: string | null;
  readonly contentChecksum?: string | null;
  readonly isEncrypted?: boolean;
  readonly encryptionVersion?: string | null;
  readonly encryptionScheme?: string | null;
  readonly encryptionKeyId?: string | null;
  readonly initializationVector?: string | null;
  readonly isPrimary?: boolean;
}

export const fileRows = startingWith('file:');

export function fileOfRow(row: FileRow, primaryFile: string | undefined): AssetFile {
  const guid = row.rowKey.slice(fileRows.from.length);
  return fileOf(guid, row.partitionKey, row, primaryFile === guid);
}

export function fileOf(guid: string, assetGuid: string, row: FileProperties, isPrimary: boolean): AssetFile {
  return {
    Id: idOf('AssetFile', guid),
    Name: row.Name,
    ContentFileSize: Number(row.ContentFileSize),
    ParentAssetId: idOf('Asset', assetGuid),
    EncryptionVersion: orNull(row.EncryptionVersion),
    EncryptionScheme: orNull(row.EncryptionScheme),
    IsEncrypted: row.IsEncrypted ?? false,
    EncryptionKeyId: orNull(row.EncryptionKeyId),
    InitializationVector: orNull(row.InitializationVector),
    IsPrimary: isPrimary,
    LastModified: row.LastModified,
    Created: row.Created,
    MimeType: orNull(row.MimeType),
    ContentChecksum: orNull(row.ContentChecksum),
    Options: AssetOptions.None,
  };
}

/** `update` over `before`: what it leaves out stays, null removes. */
export function propertiesOf(update: FileTexts, before: FileProperties): FileProperties {
  return withoutNulls({
    ...before,
    ...(update.name !== undefined && { Name: update.name }),
    ...(update.contentFileSize !== undefined && { ContentFileSize: BigInt(update.contentFileSize) }),
    ...(update.mimeType !== undefined && { MimeType: update.mimeType }),
    ...(update.contentChecksum !== undefined && { ContentChecksum: update.contentChecksum }),
    ...(update.isEncrypted !== undefined && { IsEncrypted: update.isEncrypted }),
    ...(update.encryptionVersion !== undefined && { EncryptionVersion: update.encryptionVersion }),
    ...(update.encryptionScheme !== undefined && { EncryptionScheme: update.encryptionScheme }),
    ...(update.encryptionKeyId !== undefined && { EncryptionKeyId: update.encryptionKeyId }),
    ...(update.initializationVector !== undefined && {
      InitializationVector: update.initializationVector,
    }),
  }) as FileProperties;
}

export function rowOf(
  assetGuid: string,
  guid: string,
  properties: FileProperties,
): Record<string, unknown> & RowKey {
  return { partitionKey: assetGuid, rowKey: rowKeyOf(guid), ...properties };
}

export function insertions(assetGuid: string, guid: string, properties: FileProperties): TransactionAction[] {
  return [
    ['create', rowOf(assetGuid, guid, properties)],
    ['create', { partitionKey: assetGuid, rowKey: nameRowKey(properties.Name), FileGuid: guid }],
  ];
}

export const rowKeyOf = (guid: string): string => `${fileRows.from}${guid}`;

/** Row keys are short and forbid some characters, so the name stands in one as its hash. */
export const nameRowKey = (name: string): string => `name:${createHash('sha256').update(name).digest('hex')}`;

/** Refuses what has no place in the name of any file. @throws StoreRefusal */
export function checkCharacters(name: string): void {
  if (!unprintable.test(name)) return;
  const shown = name.replaceAll(new RegExp(unprintable, 'gu'), (found) => {
    return `\\u{${(found.codePointAt(0) ?? 0).toString(16)}}`;
  });
  throw invalid(`The name '${shown}' has control or format characters, which no AssetFile's name may have.`);
}

/** The naming rules of an AssetFile; spaces are allowed. @throws StoreRefusal */
export function checkName(name: string): void {
  if (name === '' || name.length > longestFileName) {
    throw invalid(`Name must have 1 to ${longestFileName} characters.`);
  }
  checkCharacters(name);
  if (forbiddenInFileNames.test(name)) {
    throw invalid(`Name must have none of !*'();:@&=+$,/?%#[]"\\.`);
  }
  if (name === '.' || name.split('.').length > 2)
    throw invalid('Name must have one dot only, before its extension.');
}
