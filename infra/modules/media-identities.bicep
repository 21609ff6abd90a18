// Who one data center's media service is, and what it may do: with its own storage, and nothing else.

import { dataCenter, roles } from './types.bicep'

param center dataCenter
param suffix string
param tags object
param storageName string
param queueName string

resource api 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-media-api-${center.key}-${suffix}'
  location: center.location
  tags: tags
}

resource encoder 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: 'id-media-encoder-${center.key}-${suffix}'
  location: center.location
  tags: tags
}

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName

  resource queues 'queueServices' existing = {
    name: 'default'

    resource jobs 'queues' existing = {
      name: queueName
    }
  }
}

var onAccount = [
  {
    identity: 'api'
    role: roles.storageBlobDataContributor
    reason: 'makes and deletes the containers of assets, serves their blobs, signs user delegation SAS'
  }
  {
    identity: 'api'
    role: roles.storageTableDataContributor
    reason: 'keeps the entities of the REST API'
  }
  {
    identity: 'encoder'
    role: roles.storageBlobDataContributor
    reason: 'reads inputs, writes the encoded files'
  }
  {
    identity: 'encoder'
    role: roles.storageTableDataContributor
    reason: 'writes the state of jobs and the files of assets'
  }
]

var onQueue = [
  {
    identity: 'api'
    reason: 'queues jobs, and looks how long they wait'
  }
  {
    identity: 'encoder'
    reason: 'takes jobs; the scaler counts them'
  }
]

resource accountRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for entry in onAccount: {
    scope: account
    name: guid(account.id, entry.identity, center.key, entry.role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', entry.role)
      principalId: entry.identity == 'api' ? api.properties.principalId : encoder.properties.principalId
      principalType: 'ServicePrincipal'
      description: entry.reason
    }
  }
]

resource queueRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for entry in onQueue: {
    scope: account::queues::jobs
    name: guid(account::queues::jobs.id, entry.identity, center.key, roles.storageQueueDataContributor)
    properties: {
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles.storageQueueDataContributor
      )
      principalId: entry.identity == 'api' ? api.properties.principalId : encoder.properties.principalId
      principalType: 'ServicePrincipal'
      description: entry.reason
    }
  }
]

output apiIdentityName string = api.name
output encoderIdentityName string = encoder.name
