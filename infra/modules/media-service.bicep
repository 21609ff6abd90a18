// One data center's media service on Container Apps: REST API and streaming endpoint as an app that scales on requests,
// the encoder as a job that the queue starts.

import { dataCenter } from './types.bicep'

param center dataCenter
param suffix string
param tags object
param workspaceId string
param storageName string
param queueName string
param apiIdentityName string
param encoderIdentityName string

@description('The registry to pull from as the identities; none for a public image.')
param registryServer string

@description('The image of the media service; empty before its first build.')
param image string

@description('Whose tokens are accepted, for what, with which application role.')
param entra {
  tenantId: string
  @description('What tokens must be for: the application ID URI, or its client id; several with a comma.')
  audience: string
  role: string
}

param minReplicas int
param maxReplicas int
param maxEncoders int

@description('Minutes that one encode may take.')
param encoderTimeLimitMinutes int

@allowed(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium'])
param encoderSpeed string

@description('A host name of your own, for Traffic Manager: then viewers ask this app by it. Empty: none.')
param customDomain string

@description('The Key Vault secret of its certificate; the API identity must be allowed to read it.')
param certificateSecretUrl string

var appName = 'media-${center.key}'
var hasImage = !empty(image)
// Before the first build: the bare runtime, which answers its own probes and encodes nothing. To the edge it has no
// content, and no cache keeps that. Its commands run the real programs when they are there, so that a deploy that changes
// the image alone is enough.
var standIn = 'docker.io/library/node:22-bookworm-slim'
var standInService = 'test -f media-service/main.mjs && exec node media-service/main.mjs; exec node -e "require(\'http\').createServer((request, response) => response.writeHead(request.url === \'/health\' ? 200 : 503, [\'Cache-Control\', \'no-store\']).end()).listen(${port})"'
var standInEncoder = 'test -f media-service/encode-one.mjs || exit 0; exec node media-service/encode-one.mjs'
var ownDomain = !empty(customDomain) && !empty(certificateSecretUrl)
var registries = empty(registryServer) ? [] : [registryServer]
var port = 8080

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' existing = {
  name: storageName
}

resource apiIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: apiIdentityName
}

resource encoderIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: encoderIdentityName
}

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: 'cae-failover-${center.key}-${suffix}'
  location: center.location
  tags: tags
  identity: ownDomain
    ? {
        type: 'UserAssigned'
        userAssignedIdentities: {
          '${apiIdentity.id}': {}
        }
      }
    : null
  properties: {
    // By the diagnostic setting below: the other way asks for the workspace's key.
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    peerTrafficConfiguration: {
      encryption: {
        enabled: true
      }
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
  }

  resource certificate 'certificates' = if (ownDomain) {
    name: 'edge'
    location: center.location
    properties: {
      certificateKeyVaultProperties: {
        identity: apiIdentity.id
        keyVaultUrl: certificateSecretUrl
      }
    }
  }
}

resource environmentLogs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: environment
  name: 'to-workspace'
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      { category: 'ContainerAppConsoleLogs', enabled: true }
      { category: 'ContainerAppSystemLogs', enabled: true }
    ]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

var baseUrl = 'https://${appName}.${environment.properties.defaultDomain}'

// Every setting of the media service; docs/configuration.md tells what each is.
var settings = {
  MEDIA_SERVICE_ACCOUNT: storageName
  MEDIA_SERVICE_HOST: '0.0.0.0'
  MEDIA_SERVICE_PORT: string(port)
  MEDIA_SERVICE_URL: baseUrl
  MEDIA_SERVICE_TENANT_ID: entra.tenantId
  MEDIA_SERVICE_AUDIENCE: entra.audience
  MEDIA_SERVICE_APP_ROLE: entra.role
  MEDIA_SERVICE_AUTHORITY: az.environment().authentication.loginEndpoint
  STORAGE_BLOB_URL: account.properties.primaryEndpoints.blob
  STORAGE_QUEUE_URL: account.properties.primaryEndpoints.queue
  STORAGE_TABLE_URL: account.properties.primaryEndpoints.table
  FFMPEG_PATH: '/usr/bin/ffmpeg'
  FFPROBE_PATH: '/usr/bin/ffprobe'
  ENCODER_SPEED: encoderSpeed
  ENCODER_TIME_LIMIT_MINUTES: string(encoderTimeLimitMinutes)
  INDEX_CACHE_BYTES: '67108864'
  FRAGMENT_CACHE_BYTES: '536870912'
}
var sharedEnvironment = map(items(settings), setting => { name: setting.key, value: setting.value })

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: appName
  location: center.location
  tags: union(tags, { 'azd-service-name': appName })
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${apiIdentity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      // A new revision takes over when its replicas are ready; the old one is drained.
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 5
      ingress: {
        external: true
        allowInsecure: false
        targetPort: port
        transport: 'auto'
        traffic: [
          {
            latestRevision: true
            weight: 100
          }
        ]
        customDomains: ownDomain
          ? [
              {
                name: customDomain
                bindingType: 'SniEnabled'
                certificateId: environment::certificate.id
              }
            ]
          : []
      }
      registries: [
        for server in registries: {
          server: server
          identity: apiIdentity.id
        }
      ]
    }
    template: {
      // A request under way gets ten seconds to end; Container Apps kills what is left after this.
      terminationGracePeriodSeconds: 30
      containers: [
        {
          name: 'media-service'
          image: hasImage ? image : standIn
          command: hasImage ? null : ['sh', '-c', standInService]
          resources: {
            cpu: json('1.0')
            memory: '2Gi'
          }
          env: concat(sharedEnvironment, [
            { name: 'MEDIA_SERVICE_ROLES', value: 'api' }
            { name: 'AZURE_CLIENT_ID', value: apiIdentity.properties.clientId }
          ])
          // Of the process, not of the content: a replica is not to blame when the storage is lost, and the edge asks
          // for the content.
          probes: [
            {
              type: 'Startup'
              httpGet: { path: '/health', port: port }
              periodSeconds: 2
              failureThreshold: 30
            }
            {
              type: 'Readiness'
              httpGet: { path: '/health', port: port }
              periodSeconds: 5
              failureThreshold: 2
            }
            {
              type: 'Liveness'
              httpGet: { path: '/health', port: port }
              periodSeconds: 10
              failureThreshold: 3
            }
          ]
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: [
          {
            name: 'requests'
            http: {
              metadata: {
                concurrentRequests: '100'
              }
            }
          }
        ]
      }
    }
  }
}

resource encoder 'Microsoft.App/jobs@2025-01-01' = {
  name: 'encoder-${center.key}'
  location: center.location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${encoderIdentity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Event'
      // The encoder gives up by its own limit first, and says why.
      replicaTimeout: (encoderTimeLimitMinutes + 5) * 60
      // An encoder that dies leaves its message, which starts another one.
      replicaRetryLimit: 0
      eventTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
        scale: {
          minExecutions: 0
          maxExecutions: maxEncoders
          pollingInterval: 15
          rules: [
            {
              name: 'jobs'
              type: 'azure-queue'
              metadata: {
                accountName: storageName
                queueName: queueName
                queueLength: '1'
              }
              identity: encoderIdentity.id
            }
          ]
        }
      }
      registries: [
        for server in registries: {
          server: server
          identity: encoderIdentity.id
        }
      ]
    }
    template: {
      containers: [
        {
          name: 'encoder'
          image: hasImage ? image : standIn
          command: hasImage ? ['node', 'media-service/encode-one.mjs'] : ['sh', '-c', standInEncoder]
          resources: {
            cpu: json('4.0')
            memory: '8Gi'
          }
          env: concat(sharedEnvironment, [
            { name: 'MEDIA_SERVICE_ROLES', value: 'encoder' }
            { name: 'AZURE_CLIENT_ID', value: encoderIdentity.properties.clientId }
          ])
        }
      ]
    }
  }
}

output baseUrl string = baseUrl
output hostName string = app.properties.configuration.ingress!.fqdn
output appName string = app.name
output encoderName string = encoder.name
