// The workflow in one data center: a Function App with storage, task hub and Application Insights of its own, so that it
// works while the other data center is lost.

import { dataCenter, roles } from './types.bicep'

param center dataCenter
param suffix string
param tags object
param workspaceId string
param applicationInsightsName string

@description('Both data centers, A first, with their media services.')
param mediaServices { name: string, apiUrl: string }[]

@description('What tokens for the media services are asked for: the application ID URI.')
param mediaResource string

@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string

@allowed(['AzureStorage', 'DurableTaskScheduler'])
param durableEngine string

@allowed(['RollingUpdate', 'Recreate'])
param siteUpdateStrategy string

@description('Instances that are kept warm for HTTP requests.')
param alwaysReadyInstances int

param maximumInstances int

@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('The web pages that may call the app, as origins: https://host.')
param allowedOrigins string[]

@description('How the workflow behaves; docs/configuration.md tells what each setting is.')
param behavior {
  startStreamingEndpoints: bool
  allowPrivateInputUrls: bool
  originLocatorDays: int
  resyncSchedule: string
  resyncMode: 'report' | 'repair'
  verify: 'properties' | 'bytes'
  sourcePatienceMinutes: int
  targetPatienceMinutes: int
  jobPatienceMinutes: int
  queuePatienceHours: int
  inputMaxGib: int
}

var letter = toUpper(center.key)
var taskHub = 'FailoverStreaming${letter}'
var withScheduler = durableEngine == 'DurableTaskScheduler'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-workflow-${center.key}-${suffix}'
  location: center.location
  tags: tags
}

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: 'stflow${center.key}${suffix}'
  location: center.location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: storageSku
  }
  properties: {
    accessTier: 'Hot'
    allowSharedKeyAccess: false
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      defaultAction: 'Allow'
      bypass: 'AzureServices'
    }
  }

  resource blobs 'blobServices' = {
    name: 'default'
    properties: {
      deleteRetentionPolicy: {
        enabled: true
        days: 7
      }
    }

    resource packages 'containers' = {
      name: 'app-package'
      properties: {
        publicAccess: 'None'
      }
    }
  }

  resource queues 'queueServices' = {
    name: 'default'
  }

  resource tables 'tableServices' = {
    name: 'default'
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

var onStorage = [
  {
    role: roles.storageBlobDataOwner
    reason: 'the Functions host: its package, keys, leases and large durable messages'
  }
  {
    role: roles.storageQueueDataContributor
    reason: 'the Functions host: the queues of its task hub'
  }
  {
    role: roles.storageTableDataContributor
    reason: 'the Functions host: the history of its task hub; the workflow: its claims'
  }
]

resource storageRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for entry in onStorage: {
    scope: storage
    name: guid(storage.id, identity.id, entry.role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', entry.role)
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
      description: entry.reason
    }
  }
]

resource telemetryRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: applicationInsights
  name: guid(applicationInsights.id, identity.id, roles.monitoringMetricsPublisher)
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.monitoringMetricsPublisher
    )
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    description: 'sends telemetry'
  }
}

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' = if (withScheduler) {
  name: 'dts-failover-${center.key}-${suffix}'
  location: center.location
  tags: tags
  properties: {
    sku: {
      name: 'Consumption'
    }
    // By role, not by address: the app has no address of its own.
    ipAllowlist: ['0.0.0.0/0']
  }

  resource hub 'taskHubs' = {
    name: taskHub
  }
}

resource schedulerRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (withScheduler) {
  scope: scheduler
  name: guid(resourceGroup().id, 'dts-failover-${center.key}-${suffix}', roles.durableTaskDataContributor)
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles.durableTaskDataContributor
    )
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    description: 'runs the orchestrations of its task hub'
  }
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: 'plan-failover-${center.key}-${suffix}'
  location: center.location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: 'func-failover-${center.key}-${suffix}'
  location: center.location
  tags: union(tags, { 'azd-service-name': 'workflow-${center.key}' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: 'Enabled'
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}app-package'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'node'
        version: '22'
      }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstances
        instanceMemoryMB: instanceMemoryMB
        alwaysReady: alwaysReadyInstances == 0
          ? []
          : [
              {
                name: 'http'
                instanceCount: alwaysReadyInstances
              }
            ]
      }
      // The service knows it, the published types do not yet.
      #disable-next-line BCP037
      siteUpdateStrategy: {
        type: siteUpdateStrategy
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      cors: {
        allowedOrigins: allowedOrigins
        supportCredentials: false
      }
    }
  }
  dependsOn: [storageRoles, storage::blobs::packages]

  resource settings 'config' = {
    name: 'appsettings'
    properties: union(
      {
        AzureWebJobsStorage__accountName: storage.name
        AzureWebJobsStorage__credential: 'managedidentity'
        AzureWebJobsStorage__clientId: identity.properties.clientId
        APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsights.properties.ConnectionString
        APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
        AzureFunctionsJobHost__extensions__durableTask__hubName: taskHub
        DATA_CENTER_A_NAME: mediaServices[0].name
        DATA_CENTER_A_MEDIA_API: mediaServices[0].apiUrl
        DATA_CENTER_B_NAME: mediaServices[1].name
        DATA_CENTER_B_MEDIA_API: mediaServices[1].apiUrl
        HOME_DATA_CENTER: center.key
        MEDIA_CLIENT_ID: identity.properties.clientId
        MEDIA_RESOURCE: mediaResource
        START_STREAMING_ENDPOINTS: toLower(string(behavior.startStreamingEndpoints))
        ALLOW_PRIVATE_INPUT_URLS: toLower(string(behavior.allowPrivateInputUrls))
        ORIGIN_LOCATOR_DAYS: string(behavior.originLocatorDays)
        RESYNC_SCHEDULE: behavior.resyncSchedule
        RESYNC_MODE: behavior.resyncMode
        VERIFY: behavior.verify
        SOURCE_PATIENCE_MINUTES: string(behavior.sourcePatienceMinutes)
        TARGET_PATIENCE_MINUTES: string(behavior.targetPatienceMinutes)
        JOB_PATIENCE_MINUTES: string(behavior.jobPatienceMinutes)
        QUEUE_PATIENCE_HOURS: string(behavior.queuePatienceHours)
        INPUT_MAX_GIB: string(behavior.inputMaxGib)
      },
      withScheduler
        ? {
            AzureFunctionsJobHost__extensions__durableTask__storageProvider__type: 'azureManaged'
            AzureFunctionsJobHost__extensions__durableTask__storageProvider__connectionStringName: 'DURABLE_TASK_SCHEDULER'
            DURABLE_TASK_SCHEDULER: 'Endpoint=${scheduler!.properties.endpoint};Authentication=ManagedIdentity;ClientID=${identity.properties.clientId}'
          }
        : {}
    )
  }

  // Nobody deploys with a user name and a password.
  resource ftp 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource scm 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

resource appLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: app
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource storageLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: storage::blobs
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageDelete', enabled: true }]
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

output hostName string = app.properties.defaultHostName
output appName string = app.name
output principalId string = identity.properties.principalId
