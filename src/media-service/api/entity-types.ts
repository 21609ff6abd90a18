import type { EdmType } from './edm.ts';

/**
 * Who sets a property: the service (`read`), the client when it creates the entity (`create`), or the client at any
 * time (`update`).
 */
export type Mode = 'read' | 'create' | 'update';

export interface Property {
  readonly name: string;
  readonly type: EdmType;
  readonly mode: Mode;
  readonly required?: true;
  /** Of a collection: the type of its elements. */
  readonly element?: string;
}

/** An entity's values by the names of its properties. */
export type Entity = Readonly<Record<string, unknown>>;

/** An entity type of the v2 API: what `$metadata` would say of it. */
export interface EntityType {
  readonly name: string;
  readonly set: string;
  /** In the order in which answers have them. */
  readonly properties: readonly Property[];
  readonly navigation: readonly string[];
  /** Jobs and tasks have ISO times in verbose JSON, too. */
  readonly isoTimes?: true;
  /** The name of the key property; Id unless told. */
  readonly key?: string;
}

export const namespace = 'Microsoft.Cloud.Media.Vod.Rest.Data.Models';

const property = (name: string, type: EdmType, mode: Mode = 'read'): Property => ({ name, type, mode });
const required = (name: string, type: EdmType, mode: Mode): Property => ({
  name,
  type,
  mode,
  required: true,
});
const text = (name: string, mode: Mode = 'read'): Property => property(name, 'Edm.String', mode);
const time = (name: string, mode: Mode = 'read'): Property => property(name, 'Edm.DateTime', mode);
const integer = (name: string, mode: Mode = 'read'): Property => property(name, 'Edm.Int32', mode);

export const assetType: EntityType = {
  name: 'Asset',
  set: 'Assets',
  navigation: [
    'Locators',
    'ContentKeys',
    'Files',
    'ParentAssets',
    'DeliveryPolicies',
    'AssetFilters',
    'StorageAccount',
  ],
  properties: [
    text('Id'),
    integer('State'),
    time('Created'),
    time('LastModified'),
    text('AlternateId', 'update'),
    text('Name', 'update'),
    integer('Options', 'create'),
    integer('FormatOption', 'create'),
    text('Uri'),
    text('StorageAccountName', 'create'),
  ],
};

export const assetFileType: EntityType = {
  name: 'AssetFile',
  set: 'Files',
  navigation: [],
  properties: [
    text('Id'),
    required('Name', 'Edm.String', 'update'),
    property('ContentFileSize', 'Edm.Int64', 'update'),
    required('ParentAssetId', 'Edm.String', 'create'),
    text('EncryptionVersion', 'update'),
    text('EncryptionScheme', 'update'),
    property('IsEncrypted', 'Edm.Boolean', 'update'),
    text('EncryptionKeyId', 'update'),
    text('InitializationVector', 'update'),
    property('IsPrimary', 'Edm.Boolean', 'update'),
    time('LastModified'),
    time('Created'),
    text('MimeType', 'update'),
    text('ContentChecksum', 'update'),
    integer('Options'),
  ],
};

export const accessPolicyType: EntityType = {
  name: 'AccessPolicy',
  set: 'AccessPolicies',
  navigation: [],
  properties: [
    text('Id'),
    time('Created'),
    time('LastModified'),
    required('Name', 'Edm.String', 'create'),
    required('DurationInMinutes', 'Edm.Double', 'create'),
    integer('Permissions', 'create'),
  ],
};

export const locatorType: EntityType = {
  name: 'Locator',
  set: 'Locators',
  navigation: ['AccessPolicy', 'Asset'],
  properties: [
    text('Id', 'create'),
    time('ExpirationDateTime', 'update'),
    required('Type', 'Edm.Int32', 'create'),
    text('Path'),
    text('BaseUri'),
    text('ContentAccessComponent'),
    required('AccessPolicyId', 'Edm.String', 'create'),
    required('AssetId', 'Edm.String', 'create'),
    time('StartTime', 'update'),
    text('Name', 'update'),
  ],
};

export const jobType: EntityType = {
  name: 'Job',
  set: 'Jobs',
  navigation: ['Tasks', 'OutputMediaAssets', 'InputMediaAssets'],
  isoTimes: true,
  properties: [
    text('Id'),
    text('Name', 'create'),
    time('Created'),
    time('LastModified'),
    time('EndTime'),
    integer('Priority', 'create'),
    property('RunningDuration', 'Edm.Double'),
    time('StartTime'),
    integer('State'),
    text('TemplateId', 'create'),
    {
      name: 'JobNotificationSubscriptions',
      type: 'Collection',
      mode: 'create',
      element: 'JobNotificationSubscription',
    },
  ],
};

export const taskType: EntityType = {
  name: 'Task',
  set: 'Tasks',
  navigation: ['OutputMediaAssets', 'InputMediaAssets'],
  isoTimes: true,
  properties: [
    text('Id'),
    required('Configuration', 'Edm.String', 'create'),
    time('EndTime'),
    { name: 'ErrorDetails', type: 'Collection', mode: 'read', element: 'ErrorDetail' },
    { name: 'HistoricalEvents', type: 'Collection', mode: 'read', element: 'TaskHistoricalEvent' },
    required('MediaProcessorId', 'Edm.String', 'create'),
    text('Name', 'create'),
    text('PerfMessage'),
    integer('Priority', 'create'),
    property('Progress', 'Edm.Double'),
    property('RunningDuration', 'Edm.Double'),
    time('StartTime'),
    integer('State'),
    required('TaskBody', 'Edm.String', 'create'),
    integer('Options', 'create'),
    text('EncryptionKeyId', 'create'),
    text('EncryptionScheme', 'create'),
    text('EncryptionVersion', 'create'),
    text('InitializationVector', 'create'),
  ],
};

export const mediaProcessorType: EntityType = {
  name: 'MediaProcessor',
  set: 'MediaProcessors',
  navigation: [],
  properties: ['Id', 'Description', 'Name', 'Sku', 'Vendor', 'Version'].map((name) => text(name)),
};

export const streamingEndpointType: EntityType = {
  name: 'StreamingEndpoint',
  set: 'StreamingEndpoints',
  navigation: [],
  properties: [
    text('Id'),
    text('Name'),
    text('Description'),
    time('Created'),
    time('LastModified'),
    text('State'),
    text('HostName'),
    integer('ScaleUnits'),
  ],
};

export const operationType: EntityType = {
  name: 'Operation',
  set: 'Operations',
  navigation: [],
  properties: [text('Id'), text('State'), text('TargetEntityId'), text('ErrorCode'), text('ErrorMessage')],
};

export const storageAccountType: EntityType = {
  name: 'StorageAccount',
  set: 'StorageAccounts',
  navigation: [],
  key: 'Name',
  properties: [text('Name'), property('IsDefault', 'Edm.Boolean')],
};

/** The type of what an asset has none of here: content keys, delivery policies, filters. */
export function emptyType(name: string, set: string): EntityType {
  return { name, set, navigation: [], properties: [text('Id')] };
}
