// Both data centers on one page; one such page in each, so that one is there when the other data center is lost.

import { dataCenter } from './types.bicep'

param center dataCenter
param tags object

@description('Application Insights of A and of B.')
param applicationInsightsIds string[]

@description('The Log Analytics workspaces of A and of B.')
param workspaceIds string[]

var template = loadTextContent('workbook.json')
var content = replace(
  replace(template, '"__APPLICATION_INSIGHTS__"', string(applicationInsightsIds)),
  '"__WORKSPACES__"',
  string(workspaceIds)
)

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'failover-streaming', center.key)
  location: center.location
  tags: tags
  kind: 'shared'
  properties: {
    category: 'workbook'
    displayName: 'Failover streaming, seen from ${center.name}'
    serializedData: content
    sourceId: 'azure monitor'
  }
}
