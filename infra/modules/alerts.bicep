// What operators are told of, by one data center's own telemetry. The queries name events that the code emits; a test
// holds the two together.

import { dataCenter } from './types.bicep'

param center dataCenter
param tags object
param applicationInsightsId string
param workspaceId string
param actionGroupId string

@description('From when on an alert fires.')
param thresholds {
  @description('Streams that are not protected.')
  unprotectedStreams: int
  @description('Re-syncs in two hours that found drift.')
  driftRuns: int
  @description('Minutes that a published stream may be without its replica.')
  lagMinutes: int
  @description('Days before the first published URL expires.')
  locatorDays: int
  @description('Minutes that an encoding job may wait for an encoder.')
  queueMinutes: int
}

@description('A time in which there are at least two re-syncs.')
@allowed(['PT30M', 'PT1H', 'PT2H', 'PT3H', 'PT6H'])
param resyncWindow string

var resyncs = 'customEvents | where name == "StreamsChecked" | extend unprotected = tolong(customDimensions.unprotected), lagMinutes = tolong(customDimensions.lagMinutes), shortestLocatorDays = tolong(customDimensions.shortestLocatorDays)'
var queueWaits = 'ContainerAppConsoleLogs | where Log has "EncodingQueueWaiting" | extend line = parse_json(Log) | where tostring(line.event) == "EncodingQueueWaiting" | extend oldestSeconds = tolong(line.oldestSeconds)'

var rules = [
  {
    name: 'failed-streams'
    severity: 2
    description: 'A run failed: the event has the stream and a code; docs/operations.md says what to do.'
    scope: applicationInsightsId
    query: 'customEvents | where name == "OperationFailed" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'encoding-errors'
    severity: 2
    description: 'An encoding job ended in an error or was canceled; the event has its stop report.'
    scope: applicationInsightsId
    query: 'customEvents | where name == "EncodingStopped" | summarize value = count()'
    operator: 'GreaterThan'
    threshold: 0
    window: 'PT15M'
    frequency: 'PT5M'
  }
  {
    name: 'unprotected-streams'
    severity: 2
    description: 'No re-sync in a row of several found every stream protected.'
    scope: applicationInsightsId
    // One that found them all, or none at all, makes this 0.
    query: '${resyncs} | summarize value = iff(count() == 0, 0, min(unprotected))'
    operator: 'GreaterThan'
    threshold: thresholds.unprotectedStreams
    window: resyncWindow
    frequency: 'PT15M'
  }
  {
    name: 'drift'
    severity: 3
    description: 'Re-sync after re-sync finds streams that differ: something makes them differ again.'
    scope: applicationInsightsId
    query: '${resyncs} | summarize value = countif(unprotected > 0)'
    operator: 'GreaterThanOrEqual'
    threshold: thresholds.driftRuns
    window: 'PT2H'
    frequency: 'PT30M'
  }
  {
    name: 'replication-lag'
    severity: 2
    description: 'A stream has been published for long and its replica is not there.'
    scope: applicationInsightsId
    query: '${resyncs} | summarize value = max(lagMinutes)'
    operator: 'GreaterThan'
    threshold: thresholds.lagMinutes
    window: resyncWindow
    frequency: 'PT15M'
  }
  {
    name: 'locator-expiry'
    severity: 3
    description: 'A published URL expires soon.'
    scope: applicationInsightsId
    query: '${resyncs} | where isnotnull(shortestLocatorDays) | summarize value = iff(count() == 0, 36500, min(shortestLocatorDays))'
    operator: 'LessThan'
    threshold: thresholds.locatorDays
    window: 'PT6H'
    frequency: 'PT1H'
  }
  {
    name: 'resync-silent'
    severity: 1
    description: 'No re-sync has looked at the streams: the Function App does not work, or one of the media services does not answer it.'
    scope: applicationInsightsId
    query: '${resyncs} | summarize value = count()'
    operator: 'LessThan'
    threshold: 1
    window: resyncWindow
    frequency: 'PT15M'
  }
  {
    name: 'queue-age'
    severity: 2
    description: 'An encoding job waits for an encoder.'
    scope: workspaceId
    query: '${queueWaits} | summarize value = max(oldestSeconds) / 60'
    operator: 'GreaterThan'
    threshold: thresholds.queueMinutes
    window: 'PT15M'
    frequency: 'PT5M'
  }
]

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${rule.name}-${center.key}'
    location: center.location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${center.name}: ${replace(rule.name, '-', ' ')}'
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [rule.scope]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      // Before the first event its table is unknown.
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            metricMeasureColumn: 'value'
            timeAggregation: 'Maximum'
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [actionGroupId]
      }
    }
  }
]
