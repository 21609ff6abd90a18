// The edge by DNS, for those who have a CDN of their own in front or want none: players follow when their resolver asks
// again. Both streaming endpoints must be bound to the host name (customDomain).

param suffix string
param tags object

@description('The streaming endpoints: A first, B second.')
param originHosts string[]

@description('The host name that viewers ask for: a CNAME of the profile.')
param customDomain string

param workspaceIds string[]
param actionGroupIds string[]

resource profile 'Microsoft.Network/trafficmanagerprofiles@2022-04-01' = {
  name: 'traf-failover-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    profileStatus: 'Enabled'
    trafficRoutingMethod: 'Priority'
    dnsConfig: {
      relativeName: 'failover-${suffix}'
      ttl: 10
    }
    monitorConfig: {
      protocol: 'HTTPS'
      port: 443
      path: '/health/content'
      intervalInSeconds: 10
      timeoutInSeconds: 5
      toleratedNumberOfFailures: 1
      customHeaders: [
        {
          name: 'host'
          value: customDomain
        }
      ]
      expectedStatusCodeRanges: [
        {
          min: 200
          max: 200
        }
      ]
    }
    endpoints: [
      for (host, index) in originHosts: {
        type: 'Microsoft.Network/trafficManagerProfiles/externalEndpoints'
        name: 'data-center-${index == 0 ? 'a' : 'b'}'
        properties: {
          endpointStatus: 'Enabled'
          target: host
          priority: index == 0 ? 1 : 2
        }
      }
    ]
  }
}

resource profileLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [
  for (workspaceId, index) in workspaceIds: {
    scope: profile
    name: 'to-workspace-${index == 0 ? 'a' : 'b'}'
    properties: {
      workspaceId: workspaceId
      logs: [{ category: 'ProbeHealthStatusEvents', enabled: true }]
      metrics: [{ category: 'AllMetrics', enabled: true }]
    }
  }
]

resource originUnhealthy 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'origin-unhealthy'
  location: 'global'
  tags: tags
  properties: {
    description: 'Traffic Manager finds a streaming endpoint unhealthy: viewers are on the other data center.'
    severity: 1
    enabled: true
    scopes: [profile.id]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'endpoint-state'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Network/trafficManagerProfiles'
          metricName: 'ProbeAgentCurrentEndpointStateByProfileResourceId'
          // The only one that this metric has: 0 for five minutes.
          timeAggregation: 'Maximum'
          operator: 'LessThan'
          threshold: 1
          dimensions: [
            {
              name: 'EndpointName'
              operator: 'Include'
              values: ['*']
            }
          ]
        }
      ]
    }
    actions: [for group in actionGroupIds: { actionGroupId: group }]
  }
}

output hostName string = customDomain
output profileHostName string = profile.properties.dnsConfig.fqdn
