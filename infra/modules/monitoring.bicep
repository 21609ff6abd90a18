// What one data center's parts report to, in that data center: losing the other one hides nothing here.

import { dataCenter } from './types.bicep'

param center dataCenter
param suffix string
param tags object

@description('Who is told of alerts.')
param operatorEmails string[]

@minValue(30)
@maxValue(730)
param retentionDays int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: 'log-failover-${center.key}-${suffix}'
  location: center.location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    features: {
      disableLocalAuth: true
    }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-failover-${center.key}-${suffix}'
  location: center.location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    // Only the app's identity may send telemetry: the connection string alone is no key.
    DisableLocalAuth: true
  }
}

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-failover-${center.key}-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'failover-${center.key}'
    emailReceivers: [
      for (address, index) in operatorEmails: {
        name: 'operator-${index + 1}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

output workspaceId string = workspace.id
output applicationInsightsName string = applicationInsights.name
output applicationInsightsId string = applicationInsights.id
output actionGroupId string = operators.id
