// Where the media service's image comes from. A data center that scales out while the other one is lost must still get
// it: in production the registry is replicated to both regions.

param suffix string
param location string
param tags object

@allowed(['Basic', 'Premium'])
param sku string

@description('Further regions that hold the images (Premium).')
param replicaLocations string[]

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: 'crfailover${suffix}'
  location: location
  tags: tags
  sku: {
    name: sku
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
  }
}

resource replicas 'Microsoft.ContainerRegistry/registries/replications@2025-04-01' = [
  for region in replicaLocations: {
    parent: registry
    name: region
    location: region
    tags: tags
    properties: {
      regionEndpointEnabled: true
    }
  }
]

output name string = registry.name
output loginServer string = registry.properties.loginServer
