// Both data centers of "Failover streaming", and the edge in front of them. Each data center has a resource group in its
// own region, so that it can be managed while the other region is lost.

targetScope = 'subscription'

metadata description = 'On-demand video that keeps playing when a data center is lost.'

import { dataCenter } from 'modules/types.bicep'

@description('Names the environment: part of every resource group\'s name.')
@minLength(2)
@maxLength(20)
param environmentName string

@description('Data center A\'s Azure region.')
param locationA string

@description('Data center B\'s Azure region: another one, best of another country.')
param locationB string

@description('Data center A\'s name, as people know it.')
param nameA string = 'A'

@description('Data center B\'s name, as people know it.')
param nameB string = 'B'

@description('Who is told of alerts and of the budget, by mail.')
@minLength(1)
param operatorEmails string[]

@description('The Entra tenant whose tokens the media services accept.')
param mediaTenantId string = tenant().tenantId

@description('The application ID URI of the media services in Entra, as in docs/deployment.md.')
@minLength(1)
param mediaApplicationIdUri string

@description('The client id of that application: version 2 tokens name it as their audience. Empty: version 1 only.')
param mediaApplicationClientId string = ''

@description('The application role that callers of the media services need.')
param mediaApplicationRole string = 'Media.Manage'

@description('The image of A\'s media service; empty before its first build.')
param mediaServiceImageA string = ''

@description('The image of B\'s media service: a new one is tried in B first.')
param mediaServiceImageB string = ''

@description('What viewers talk to. none: an edge of your own, over the two streaming endpoints.')
@allowed(['frontDoor', 'trafficManager', 'none'])
param edge string = 'frontDoor'

@description('Premium adds the web application firewall.')
@allowed(['Standard_AzureFrontDoor', 'Premium_AzureFrontDoor'])
param frontDoorSku string = 'Standard_AzureFrontDoor'

@description('Of the web application firewall.')
@allowed(['Detection', 'Prevention'])
param firewallMode string = 'Prevention'

@description('Seconds between two health probes from one place of Front Door.')
@minValue(5)
@maxValue(255)
param probeIntervalSeconds int = 5

@description('A host name of your own for viewers. Empty: Front Door\'s. Traffic Manager needs one.')
param customDomain string = ''

@description('For Traffic Manager: the Key Vault secret of the certificate for customDomain.')
param certificateSecretUrl string = ''

@description('The web pages that may upload media and call the Function Apps, as origins: https://host.')
param webOrigins string[] = []

@description('Of the media and the workflow\'s storage.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string = 'Standard_ZRS'

@description('Days that deleted and overwritten media can be brought back.')
param softDeleteDays int = 7

@description('Days without a read after which media move to the cool tier.')
param coolAfterDays int = 30

@description('Premium is replicated to both regions: a data center that scales out alone still gets its image.')
@allowed(['Basic', 'Premium'])
param registrySku string = 'Premium'

@description('Replicas of each media service that always run.')
@minValue(1)
param mediaMinReplicas int = 2

@minValue(1)
param mediaMaxReplicas int = 20

@description('Encoders that may run at once in each data center.')
@minValue(1)
param maxEncoders int = 10

@description('Minutes that one encode may take.')
@minValue(10)
@maxValue(700)
param encoderTimeLimitMinutes int = 480

@allowed(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'])
param encoderSpeed string = 'veryfast'

@description('The durable engine: the storage account, or Durable Task Scheduler for those who outgrow one account.')
@allowed(['AzureStorage', 'DurableTaskScheduler'])
param durableEngine string = 'AzureStorage'

@description('How a Function App takes a new version: RollingUpdate drains instance by instance.')
@allowed(['RollingUpdate', 'Recreate'])
param siteUpdateStrategy string = 'RollingUpdate'

@description('Instances of each Function App that are kept warm for HTTP requests.')
@minValue(0)
param alwaysReadyInstances int = 0

@minValue(1)
param maximumInstances int = 40

@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('How the workflow behaves; docs/configuration.md tells what each setting is.')
param startStreamingEndpoints bool = true
param allowPrivateInputUrls bool = false
@minValue(1)
@maxValue(36500)
param originLocatorDays int = 3650
param resyncSchedule string = '0 */5 * * * *'
@allowed(['report', 'repair'])
param resyncMode string = 'repair'
@allowed(['properties', 'bytes'])
param verify string = 'properties'
param sourcePatienceMinutes int = 240
param targetPatienceMinutes int = 10
param jobPatienceMinutes int = 180
param queuePatienceHours int = 168
param inputMaxGib int = 64

@description('From when on alerts fire; modules/alerts.bicep tells what each is.')
param alertThresholds {
  unprotectedStreams: int
  driftRuns: int
  lagMinutes: int
  locatorDays: int
  queueMinutes: int
} = {
  unprotectedStreams: 0
  driftRuns: 12
  lagMinutes: 60
  locatorDays: 30
  queueMinutes: 15
}

@description('A time in which there are at least two re-syncs: longer when resyncSchedule is rarer.')
@allowed(['PT30M', 'PT1H', 'PT2H', 'PT3H', 'PT6H'])
param resyncWindow string = 'PT30M'

@description('Days that logs are kept.')
param logRetentionDays int = 30

@description('A month, in the currency of the subscription: mails go out at 80 % and 100 % of it, and when 100 % is forecast.')
@minValue(1)
param monthlyBudget int

@description('The first month of the budget, as YYYY-MM-01. Azure refuses to change it: later deployments pass the output BUDGET_START of the first one. Empty: this month.')
param budgetStart string = ''

@description('Not to be set: the clock can be read only here.')
param thisMonth string = utcNow('yyyy-MM-01')

@description('One spelling of a region: Azure takes "West Europe" for westeurope.')
func regionOf(location string) string => toLower(replace(location, ' ', ''))

var centers dataCenter[] = [
  { key: 'a', name: nameA, location: locationA }
  {
    key: 'b'
    name: nameB
    location: regionOf(locationA) == regionOf(locationB)
      ? fail('locationA and locationB must be two regions.')
      : locationB
  }
]
var suffix = take(uniqueString(subscription().subscriptionId, environmentName), 8)
var tags = { 'azd-env-name': environmentName }
var firstMonth = empty(budgetStart) ? thisMonth : budgetStart
var ownHostName = edge == 'trafficManager' && (empty(customDomain) || empty(certificateSecretUrl))
  ? fail('edge trafficManager needs customDomain and its certificate.')
  : customDomain

resource groups 'Microsoft.Resources/resourceGroups@2024-11-01' = [
  for center in centers: {
    name: 'rg-${environmentName}-${center.key}'
    location: center.location
    tags: tags
  }
]

// In B's region: what it holds is changed when A is lost.
resource sharedGroup 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}-shared'
  location: centers[1].location
  tags: tags
}

module registry 'modules/registry.bicep' = {
  scope: sharedGroup
  params: {
    suffix: suffix
    location: centers[1].location
    tags: tags
    sku: registrySku
    replicaLocations: registrySku == 'Premium' ? [centers[0].location] : []
  }
}

module monitoring 'modules/monitoring.bicep' = [
  for (center, index) in centers: {
    scope: groups[index]
    params: {
      center: center
      suffix: suffix
      tags: tags
      operatorEmails: operatorEmails
      retentionDays: logRetentionDays
    }
  }
]

module mediaStorage 'modules/media-storage.bicep' = [
  for (center, index) in centers: {
    scope: groups[index]
    params: {
      center: center
      suffix: suffix
      tags: tags
      workspaceId: monitoring[index].outputs.workspaceId
      uploadOrigins: webOrigins
      sku: storageSku
      softDeleteDays: softDeleteDays
      coolAfterDays: coolAfterDays
    }
  }
]

module mediaIdentities 'modules/media-identities.bicep' = [
  for (center, index) in centers: {
    scope: groups[index]
    params: {
      center: center
      suffix: suffix
      tags: tags
      storageName: mediaStorage[index].outputs.accountName
      queueName: mediaStorage[index].outputs.queueName
    }
  }
]

module registryPull 'modules/registry-pull.bicep' = [
  for (center, index) in centers: {
    scope: sharedGroup
    params: {
      registryName: registry.outputs.name
      identityGroup: groups[index].name
      identityNames: [
        mediaIdentities[index].outputs.apiIdentityName
        mediaIdentities[index].outputs.encoderIdentityName
      ]
    }
  }
]

module mediaServices 'modules/media-service.bicep' = [
  for (center, index) in centers: {
    scope: groups[index]
    params: {
      center: center
      suffix: suffix
      tags: tags
      workspaceId: monitoring[index].outputs.workspaceId
      storageName: mediaStorage[index].outputs.accountName
      queueName: mediaStorage[index].outputs.queueName
      apiIdentityName: mediaIdentities[index].outputs.apiIdentityName
      encoderIdentityName: mediaIdentities[index].outputs.encoderIdentityName
      registryServer: registry.outputs.loginServer
      image: index == 0 ? mediaServiceImageA : mediaServiceImageB
      entra: {
        tenantId: mediaTenantId
        audience: empty(mediaApplicationClientId)
          ? mediaApplicationIdUri
          : '${mediaApplicationIdUri},${mediaApplicationClientId}'
        role: mediaApplicationRole
      }
      minReplicas: mediaMinReplicas
      maxReplicas: mediaMaxReplicas
      maxEncoders: maxEncoders
      encoderTimeLimitMinutes: encoderTimeLimitMinutes
      encoderSpeed: encoderSpeed
      customDomain: edge == 'trafficManager' ? ownHostName : ''
      certificateSecretUrl: certificateSecretUrl
    }
    dependsOn: [registryPull[index]]
  }
]

module workflows 'modules/workflow.bicep' = [
  for (center, index) in centers: {
    scope: groups[index]
    params: {
      center: center
      suffix: suffix
      tags: tags
      workspaceId: monitoring[index].outputs.workspaceId
      applicationInsightsName: monitoring[index].outputs.applicationInsightsName
      mediaServices: [
        { name: nameA, apiUrl: '${mediaServices[0].outputs.baseUrl}/api/' }
        { name: nameB, apiUrl: '${mediaServices[1].outputs.baseUrl}/api/' }
      ]
      mediaResource: mediaApplicationIdUri
      storageSku: storageSku
      durableEngine: durableEngine
      siteUpdateStrategy: siteUpdateStrategy
      alwaysReadyInstances: alwaysReadyInstances
      maximumInstances: maximumInstances
      instanceMemoryMB: instanceMemoryMB
      allowedOrigins: webOrigins
      behavior: {
        startStreamingEndpoints: startStreamingEndpoints
        allowPrivateInputUrls: allowPrivateInputUrls
        originLocatorDays: originLocatorDays
        resyncSchedule: resyncSchedule
        resyncMode: resyncMode
        verify: verify
        sourcePatienceMinutes: sourcePatienceMinutes
        targetPatienceMinutes: targetPatienceMinutes
        jobPatienceMinutes: jobPatienceMinutes
        queuePatienceHours: queuePatienceHours
        inputMaxGib: inputMaxGib
      }
    }
  }
]

module alerts 'modules/alerts.bicep' = [
  for (center, index) in centers: {
    scope: groups[index]
    params: {
      center: center
      tags: tags
      applicationInsightsId: monitoring[index].outputs.applicationInsightsId
      workspaceId: monitoring[index].outputs.workspaceId
      actionGroupId: monitoring[index].outputs.actionGroupId
      thresholds: alertThresholds
      resyncWindow: resyncWindow
    }
  }
]

module workbooks 'modules/workbook.bicep' = [
  for (center, index) in centers: {
    scope: groups[index]
    params: {
      center: center
      tags: tags
      applicationInsightsIds: [
        monitoring[0].outputs.applicationInsightsId
        monitoring[1].outputs.applicationInsightsId
      ]
      workspaceIds: [monitoring[0].outputs.workspaceId, monitoring[1].outputs.workspaceId]
    }
  }
]

module frontDoor 'modules/front-door.bicep' = if (edge == 'frontDoor') {
  scope: sharedGroup
  params: {
    suffix: suffix
    tags: tags
    originHosts: [mediaServices[0].outputs.hostName, mediaServices[1].outputs.hostName]
    sku: frontDoorSku
    firewallMode: firewallMode
    customDomain: customDomain
    probeIntervalSeconds: probeIntervalSeconds
    workspaceIds: [monitoring[0].outputs.workspaceId, monitoring[1].outputs.workspaceId]
    actionGroupIds: [monitoring[0].outputs.actionGroupId, monitoring[1].outputs.actionGroupId]
  }
}

module trafficManager 'modules/traffic-manager.bicep' = if (edge == 'trafficManager') {
  scope: sharedGroup
  params: {
    suffix: suffix
    tags: tags
    originHosts: [mediaServices[0].outputs.hostName, mediaServices[1].outputs.hostName]
    customDomain: ownHostName
    workspaceIds: [monitoring[0].outputs.workspaceId, monitoring[1].outputs.workspaceId]
    actionGroupIds: [monitoring[0].outputs.actionGroupId, monitoring[1].outputs.actionGroupId]
  }
}

resource budget 'Microsoft.Consumption/budgets@2023-11-01' = {
  name: 'budget-${environmentName}'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: firstMonth
    }
    filter: {
      dimensions: {
        name: 'ResourceGroupName'
        operator: 'In'
        values: [groups[0].name, groups[1].name, sharedGroup.name]
      }
    }
    notifications: {
      actual80: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: operatorEmails
      }
      actual100: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Actual'
        contactEmails: operatorEmails
      }
      forecast100: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: operatorEmails
      }
    }
  }
}

@description('What viewers\' URLs begin with; with edge none the two streaming endpoints are it.')
output EDGE_HOST string = edge == 'frontDoor'
  ? frontDoor!.outputs.hostName
  : edge == 'trafficManager' ? trafficManager!.outputs.hostName : ''

@description('What a CNAME of customDomain points to.')
output EDGE_TARGET string = edge == 'frontDoor'
  ? frontDoor!.outputs.endpointHostName
  : edge == 'trafficManager' ? trafficManager!.outputs.profileHostName : ''

output MEDIA_A_URL string = mediaServices[0].outputs.baseUrl
output MEDIA_B_URL string = mediaServices[1].outputs.baseUrl
output WORKFLOW_A_URL string = 'https://${workflows[0].outputs.hostName}'
output WORKFLOW_B_URL string = 'https://${workflows[1].outputs.hostName}'

@description('The principals that need the application role.')
output WORKFLOW_A_PRINCIPAL_ID string = workflows[0].outputs.principalId
output WORKFLOW_B_PRINCIPAL_ID string = workflows[1].outputs.principalId

output RESOURCE_GROUP_A string = groups[0].name
output RESOURCE_GROUP_B string = groups[1].name
output ENCODER_A string = mediaServices[0].outputs.encoderName
output ENCODER_B string = mediaServices[1].outputs.encoderName

@description('azd keeps it, and main.bicepparam passes it to the next deployment.')
output BUDGET_START string = firstMonth
output AZURE_CONTAINER_REGISTRY_ENDPOINT string = registry.outputs.loginServer
