// What viewers talk to: one endpoint, A's streaming endpoint first, B's when A's is not healthy.

param suffix string
param tags object

@description('The streaming endpoints: A first, B second.')
param originHosts string[]

@description('Premium adds the web application firewall.')
@allowed(['Standard_AzureFrontDoor', 'Premium_AzureFrontDoor'])
param sku string

@allowed(['Detection', 'Prevention'])
param firewallMode string

@description('A host name of your own; empty: only the one that Front Door gives.')
param customDomain string

@description('Seconds between two probes of an origin from one place of Front Door.')
@minValue(5)
@maxValue(255)
param probeIntervalSeconds int

param workspaceIds string[]
param actionGroupIds string[]

var premium = sku == 'Premium_AzureFrontDoor'
var healthPath = '/health/content'

resource profile 'Microsoft.Cdn/profiles@2025-06-01' = {
  name: 'afd-failover-${suffix}'
  location: 'global'
  tags: tags
  sku: {
    name: sku
  }
  properties: {
    // The least that Front Door allows: a viewer waits no longer for a data center that hangs.
    originResponseTimeoutSeconds: 16
  }
}

resource endpoint 'Microsoft.Cdn/profiles/afdEndpoints@2025-06-01' = {
  parent: profile
  name: 'streams-${suffix}'
  location: 'global'
  tags: tags
  properties: {
    enabledState: 'Enabled'
  }
}

resource originGroup 'Microsoft.Cdn/profiles/originGroups@2025-06-01' = {
  parent: profile
  name: 'streaming-endpoints'
  properties: {
    sessionAffinityState: 'Disabled'
    loadBalancingSettings: {
      // Two probes that fail take an origin out, three that succeed bring it back.
      sampleSize: 4
      successfulSamplesRequired: 3
      additionalLatencyInMilliseconds: 0
    }
    healthProbeSettings: {
      // Only 200 counts as healthy; the answer is no older than two seconds at the origin, so that probes from every
      // place cost it next to nothing.
      probePath: healthPath
      probeProtocol: 'Https'
      probeRequestType: 'HEAD'
      probeIntervalInSeconds: probeIntervalSeconds
    }
  }
}

resource origins 'Microsoft.Cdn/profiles/originGroups/origins@2025-06-01' = [
  for (host, index) in originHosts: {
    parent: originGroup
    name: 'data-center-${index == 0 ? 'a' : 'b'}'
    properties: {
      hostName: host
      originHostHeader: host
      httpPort: 80
      httpsPort: 443
      priority: index == 0 ? 1 : 2
      weight: 1000
      enabledState: 'Enabled'
      enforceCertificateNameCheck: true
    }
  }
]

resource delivery 'Microsoft.Cdn/profiles/ruleSets@2025-06-01' = {
  parent: profile
  name: 'delivery'
}

// What is no manifest and no fragment is not cached, whatever an origin says: the REST API, tokens, health.
resource onlyStreamingIsCached 'Microsoft.Cdn/profiles/ruleSets/rules@2025-06-01' = {
  parent: delivery
  name: 'OnlyStreamingIsCached'
  properties: {
    order: 1
    matchProcessingBehavior: 'Stop'
    conditions: [
      {
        name: 'UrlPath'
        parameters: {
          typeName: 'DeliveryRuleUrlPathMatchConditionParameters'
          operator: 'Contains'
          negateCondition: true
          matchValues: ['.ism/']
          transforms: ['Lowercase']
        }
      }
    ]
    actions: [
      {
        name: 'RouteConfigurationOverride'
        parameters: {
          typeName: 'DeliveryRuleRouteConfigurationOverrideActionParameters'
        }
      }
    ]
  }
}

resource keysAreNotCached 'Microsoft.Cdn/profiles/ruleSets/rules@2025-06-01' = {
  parent: delivery
  name: 'KeysAreNotCached'
  properties: {
    order: 2
    matchProcessingBehavior: 'Stop'
    conditions: [
      {
        // After a manifest or a quality level: a film may be called "keys", too.
        name: 'UrlPath'
        parameters: {
          typeName: 'DeliveryRuleUrlPathMatchConditionParameters'
          operator: 'Contains'
          negateCondition: false
          matchValues: ['.ism/key', ')/key']
          transforms: ['Lowercase']
        }
      }
    ]
    actions: [
      {
        name: 'RouteConfigurationOverride'
        parameters: {
          typeName: 'DeliveryRuleRouteConfigurationOverrideActionParameters'
        }
      }
    ]
  }
  dependsOn: [onlyStreamingIsCached]
}

// Manifests and fragments: as long as the origin says; its errors say no-store. What says nothing is not the origin's but
// an error of something before it, and Front Door would keep that for one to three days.
resource silenceIsNotCached 'Microsoft.Cdn/profiles/ruleSets/rules@2025-06-01' = {
  parent: delivery
  name: 'SilenceIsNotCached'
  properties: {
    order: 3
    matchProcessingBehavior: 'Stop'
    conditions: []
    actions: [
      {
        name: 'RouteConfigurationOverride'
        parameters: {
          typeName: 'DeliveryRuleRouteConfigurationOverrideActionParameters'
          cacheConfiguration: {
            cacheBehavior: 'OverrideIfOriginMissing'
            cacheDuration: '00:00:01'
            queryStringCachingBehavior: 'IgnoreQueryString'
            isCompressionEnabled: 'Enabled'
          }
        }
      }
    ]
  }
  dependsOn: [keysAreNotCached]
}

resource domain 'Microsoft.Cdn/profiles/customDomains@2025-06-01' = if (!empty(customDomain)) {
  parent: profile
  name: empty(customDomain) ? 'none' : replace(customDomain, '.', '-')
  properties: {
    hostName: customDomain
    tlsSettings: {
      certificateType: 'ManagedCertificate'
      minimumTlsVersion: 'TLS12'
    }
  }
}

resource route 'Microsoft.Cdn/profiles/afdEndpoints/routes@2025-06-01' = {
  parent: endpoint
  name: 'streams'
  properties: {
    enabledState: 'Enabled'
    originGroup: {
      id: originGroup.id
    }
    customDomains: empty(customDomain) ? [] : [{ id: domain.id }]
    linkToDefaultDomain: 'Enabled'
    patternsToMatch: ['/*']
    // http is there to be sent to https.
    supportedProtocols: ['Http', 'Https']
    httpsRedirect: 'Enabled'
    forwardingProtocol: 'HttpsOnly'
    ruleSets: [{ id: delivery.id }]
    // Queries mean nothing to the origin, so that they make no copies.
    cacheConfiguration: {
      queryStringCachingBehavior: 'IgnoreQueryString'
      compressionSettings: {
        isCompressionEnabled: true
        contentTypesToCompress: [
          'application/dash+xml'
          'application/vnd.apple.mpegurl'
          'application/vnd.ms-sstr+xml'
        ]
      }
    }
  }
  // Front Door refuses a route whose origin group is empty.
  dependsOn: [origins, silenceIsNotCached]
}

resource firewall 'Microsoft.Network/FrontDoorWebApplicationFirewallPolicies@2024-02-01' = if (premium) {
  name: 'waffailover${suffix}'
  location: 'Global'
  tags: tags
  sku: {
    name: sku
  }
  properties: {
    policySettings: {
      enabledState: 'Enabled'
      mode: firewallMode
      requestBodyCheck: 'Enabled'
    }
    customRules: {
      rules: [
        {
          // Viewers only read; the REST API is asked at the data center's own address.
          name: 'OnlyReads'
          priority: 10
          enabledState: 'Enabled'
          ruleType: 'MatchRule'
          matchConditions: [
            {
              matchVariable: 'RequestMethod'
              operator: 'Equal'
              negateCondition: true
              matchValue: ['GET', 'HEAD', 'OPTIONS']
            }
          ]
          action: 'Block'
        }
        {
          // A player asks for a few fragments a second; whole offices share an address.
          name: 'TooManyRequests'
          priority: 20
          enabledState: 'Enabled'
          ruleType: 'RateLimitRule'
          rateLimitDurationInMinutes: 1
          rateLimitThreshold: 10000
          matchConditions: [
            {
              matchVariable: 'RequestUri'
              operator: 'Contains'
              matchValue: ['/']
            }
          ]
          action: 'Block'
        }
      ]
    }
    managedRules: {
      managedRuleSets: [
        {
          ruleSetType: 'Microsoft_DefaultRuleSet'
          ruleSetVersion: '2.1'
          ruleSetAction: 'Block'
        }
        {
          ruleSetType: 'Microsoft_BotManagerRuleSet'
          ruleSetVersion: '1.1'
        }
      ]
    }
  }
}

resource security 'Microsoft.Cdn/profiles/securityPolicies@2025-06-01' = if (premium) {
  parent: profile
  name: 'firewall'
  properties: {
    parameters: {
      type: 'WebApplicationFirewall'
      wafPolicy: {
        id: firewall.id
      }
      associations: [
        {
          domains: concat([{ id: endpoint.id }], empty(customDomain) ? [] : [{ id: domain.id }])
          patternsToMatch: ['/*']
        }
      ]
    }
  }
}

resource profileLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [
  for (workspaceId, index) in workspaceIds: {
    scope: profile
    // To both data centers: what happened is told by the one that is left.
    name: 'to-workspace-${index == 0 ? 'a' : 'b'}'
    properties: {
      workspaceId: workspaceId
      logs: concat(
        [{ category: 'FrontDoorHealthProbeLog', enabled: true }],
        premium ? [{ category: 'FrontDoorWebApplicationFirewallLog', enabled: true }] : []
      )
      metrics: [{ category: 'AllMetrics', enabled: true }]
    }
  }
]

resource originUnhealthy 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'origin-unhealthy'
  location: 'global'
  tags: tags
  properties: {
    description: 'Front Door finds a streaming endpoint unhealthy: viewers are on the other data center.'
    severity: 1
    enabled: true
    scopes: [profile.id]
    evaluationFrequency: 'PT1M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'origin-health'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.Cdn/profiles'
          metricName: 'OriginHealthPercentage'
          timeAggregation: 'Average'
          operator: 'LessThan'
          threshold: 90
          dimensions: [
            {
              name: 'Origin'
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

output hostName string = empty(customDomain) ? endpoint.properties.hostName : customDomain
output endpointHostName string = endpoint.properties.hostName
