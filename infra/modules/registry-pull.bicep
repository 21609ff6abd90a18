// Lets one data center's containers pull their image.

import { roles } from './types.bicep'

param registryName string

@description('Where the identities are.')
param identityGroup string

@description('The identities of the containers, by name.')
param identityNames string[]

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registryName
}

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = [
  for name in identityNames: {
    name: name
    scope: resourceGroup(identityGroup)
  }
]

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, index) in identityNames: {
    scope: registry
    name: guid(registry.id, name, roles.acrPull)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.acrPull)
      principalId: identities[index].properties.principalId
      principalType: 'ServicePrincipal'
      description: 'pulls the image it runs'
    }
  }
]
