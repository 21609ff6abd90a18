import { AssetOptions, type Asset } from '../model.ts';
import type { Store } from '../store/store.ts';
import { badRequest } from './api-error.ts';
import {
  optionalFlag,
  optionalNumber,
  optionalText,
  readEntity,
  textOf,
  type Values,
} from './entity-body.ts';
import { byId, demanded, idIn, idInBody, missing, scanOf, type EntitySet } from './entity-set.ts';
import { assetFileType, assetType, emptyType, locatorType, storageAccountType } from './entity-types.ts';

export function assetSet(store: Store): EntitySet {
  const { assets, files, locators } = store;
  const get = (key: string): Promise<Asset | undefined> => assets.get(idIn('Asset', key));
  const existing = async (key: string): Promise<Asset> => {
    const asset = await get(key);
    if (asset === undefined) throw missing('Assets', key);
    return asset;
  };
  const empty = (type: string, set: string) => async (key: string) => {
    await existing(key);
    return { kind: 'many', type: emptyType(type, set), scan: scanOf([]) } as const;
  };
  return {
    type: assetType,
    get,
    async scan(demands) {
      const single = await byId(demands, get);
      if (single !== undefined) return single;
      const name = demanded(demands, 'Name');
      const alternateId = demanded(demands, 'AlternateId');
      return assets.scan({
        ...(name !== undefined && { name }),
        ...(alternateId !== undefined && { alternateId }),
      });
    },
    async create(body) {
      const values = readEntity(assetType, body, 'create');
      const account = optionalText(values, 'StorageAccountName');
      if (typeof account === 'string' && account !== '' && account !== store.storageAccount) {
        throw badRequest(`There is no storage account '${account}' here.`);
      }
      if ((optionalNumber(values, 'FormatOption') ?? 0) !== 0) {
        throw badRequest('FormatOption must be 0.');
      }
      return assets.create({ ...assetTexts(values), options: optionsOf(values) });
    },
    async update(key, body, purpose) {
      const asset = await existing(key);
      await assets.update(asset.Id, assetTexts(readEntity(assetType, body, purpose, { ...asset })));
    },
    async remove(key, parameters) {
      const keepContainer = parameters.get('keepcontainer')?.toLowerCase() === 'true';
      await store.deleteAsset(idIn('Asset', key), { keepContainer });
    },
    navigation: {
      async Files(key) {
        return { kind: 'many', type: assetFileType, scan: files.scan((await existing(key)).Id) };
      },
      async Locators(key) {
        return { kind: 'many', type: locatorType, scan: locators.scan((await existing(key)).Id) };
      },
      async ParentAssets(key) {
        const ids = await assets.parents(idIn('Asset', key));
        const parents = await Promise.all(ids.map((id) => assets.get(id)));
        const found = parents.filter((parent) => parent !== undefined);
        return { kind: 'many', type: assetType, scan: scanOf(found) };
      },
      async StorageAccount(key) {
        await existing(key);
        const entity = { Name: store.storageAccount, IsDefault: true };
        return { kind: 'one', type: storageAccountType, entity };
      },
      ContentKeys: empty('ContentKey', 'ContentKeys'),
      DeliveryPolicies: empty('AssetDeliveryPolicy', 'AssetDeliveryPolicies'),
      AssetFilters: empty('AssetFilter', 'AssetFilters'),
    },
  };
}

export function storageAccountSet(store: Store): EntitySet {
  const account = { Name: store.storageAccount, IsDefault: true };
  return {
    type: storageAccountType,
    get: (key) => Promise.resolve(key === account.Name ? account : undefined),
    scan: () => scanOf([account]),
  };
}

export function fileSet({ files }: Store): EntitySet {
  const get: EntitySet['get'] = (key) => files.get(idIn('AssetFile', key));
  return {
    type: assetFileType,
    get,
    async scan(demands) {
      const single = await byId(demands, get);
      if (single !== undefined) return single;
      const parent = demanded(demands, 'ParentAssetId');
      return files.scan(parent === undefined ? undefined : idIn('Asset', parent));
    },
    create(body) {
      const values = readEntity(assetFileType, body, 'create');
      return files.create({
        ...fileTexts(values),
        name: textOf(values, 'Name'),
        parentAssetId: idInBody('Asset', 'ParentAssetId', textOf(values, 'ParentAssetId')),
      });
    },
    async update(key, body, purpose) {
      const file = await get(key);
      if (file === undefined) throw missing('Files', key);
      const values = readEntity(assetFileType, body, purpose, { ...file });
      const name = optionalText(values, 'Name');
      if (name === null) throw badRequest('Name is required.');
      await files.update(idIn('AssetFile', key), {
        ...fileTexts(values),
        ...(name !== undefined && { name }),
      });
    },
    remove: (key) => files.delete(idIn('AssetFile', key)),
  };
}

function assetTexts(values: Values): { name?: string | null; alternateId?: string | null } {
  const name = optionalText(values, 'Name');
  const alternateId = optionalText(values, 'AlternateId');
  return {
    ...(name !== undefined && { name }),
    ...(alternateId !== undefined && { alternateId }),
  };
}

function optionsOf(values: Values): AssetOptions {
  const given = optionalNumber(values, 'Options') ?? AssetOptions.None;
  const known = Object.values(AssetOptions).find((option) => option === given);
  if (known === undefined) throw badRequest('Options must be 0, 1, 2 or 4.');
  return known;
}

type FileValues = Omit<Parameters<Store['files']['update']>[1], 'name'>;

function fileTexts(values: Values): FileValues {
  const size = optionalNumber(values, 'ContentFileSize');
  if (size !== undefined && size < 0) throw badRequest('ContentFileSize must not be negative.');
  const given = {
    contentFileSize: values['ContentFileSize'] === null ? 0 : size,
    mimeType: optionalText(values, 'MimeType'),
    contentChecksum: optionalText(values, 'ContentChecksum'),
    isEncrypted: values['IsEncrypted'] === null ? false : optionalFlag(values, 'IsEncrypted'),
    encryptionVersion: optionalText(values, 'EncryptionVersion'),
    encryptionScheme: optionalText(values, 'EncryptionScheme'),
    encryptionKeyId: optionalText(values, 'EncryptionKeyId'),
    initializationVector: optionalText(values, 'InitializationVector'),
    isPrimary: values['IsPrimary'] === null ? false : optionalFlag(values, 'IsPrimary'),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
