// One data center's media: the only thing that its media service knows.

import { dataCenter } from './types.bicep'

param center dataCenter
param suffix string
param tags object
param workspaceId string

@description('The web pages that may upload into the storage, as origins: https://host.')
param uploadOrigins string[]

@description('Standard_ZRS survives the loss of a zone; the other data center is what survives the loss of the region.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param sku string

@description('Days that deleted and overwritten media can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int

@description('Days without a read after which media move to the cool tier.')
param coolAfterDays int

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'stmedia${center.key}${suffix}'
  location: center.location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    // Every SAS is a user delegation SAS: there is no key that could leak.
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    // Open to the network, closed without a SAS or a role: browsers upload here, and the storage of the other data
    // center reads from here when it copies.
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      defaultAction: 'Allow'
      bypass: 'AzureServices'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    // On purpose: an asset deleted by mistake is deleted on both sides, so the other side is no backup of it. Versioning
    // stays off: media are written once, and versions would keep every repaired copy.
    deleteRetentionPolicy: {
      enabled: true
      days: softDeleteDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: softDeleteDays
    }
    isVersioningEnabled: false
    // The lifecycle below goes by the last read.
    lastAccessTimeTrackingPolicy: {
      enable: true
      name: 'AccessTimeTracking'
      trackingGranularityInDays: 1
      blobType: ['blockBlob']
    }
    cors: {
      corsRules: empty(uploadOrigins)
        ? []
        : [
            {
              allowedOrigins: uploadOrigins
              allowedMethods: ['PUT', 'OPTIONS']
              allowedHeaders: ['content-type', 'content-md5', 'x-ms-*']
              exposedHeaders: ['etag', 'x-ms-*']
              maxAgeInSeconds: 3600
            }
          ]
    }
  }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-01-01' = {
  parent: account
  name: 'default'
}

@description('The queue of encoding jobs; the media service calls it by this name.')
resource jobs 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-01-01' = {
  parent: queues
  name: 'media-jobs'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2025-01-01' = {
  parent: account
  name: 'default'
}

// Inputs and encoded assets have containers of one form, so that the rule goes by use: an input is read by its encoder
// and not again, a film is read as long as it is watched, and moves back at its first read. Only the cool tier gives
// media back by itself: in a colder one every read of a film that is watched again would be paid for. Nothing is deleted.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'unread-media-get-cooler'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['asset-']
            }
            actions: {
              baseBlob: {
                enableAutoTierToHotFromCool: true
                tierToCool: {
                  daysAfterLastAccessTimeGreaterThan: coolAfterDays
                }
              }
            }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

resource blobLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    // Reads are the viewers': counted by the metrics, too many to log.
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource queueLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: queues
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource tableLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: tables
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

output accountName string = account.name
output queueName string = jobs.name
