// For trying it out: everything is there twice, and small. Front Door Standard, one replica, no second zone.
using './main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'failover-trial')
param locationA = readEnvironmentVariable('LOCATION_A', 'westeurope')
param locationB = readEnvironmentVariable('LOCATION_B', 'northeurope')
param nameA = readEnvironmentVariable('NAME_A', 'West Europe')
param nameB = readEnvironmentVariable('NAME_B', 'North Europe')

param mediaApplicationIdUri = readEnvironmentVariable('MEDIA_APPLICATION_ID_URI', 'api://failover-media')
param mediaApplicationClientId = readEnvironmentVariable('MEDIA_APPLICATION_CLIENT_ID', '')
param mediaServiceImageA = readEnvironmentVariable('SERVICE_MEDIA_A_IMAGE_NAME', '')
param mediaServiceImageB = readEnvironmentVariable('SERVICE_MEDIA_B_IMAGE_NAME', '')

param edge = readEnvironmentVariable('EDGE', 'frontDoor')
param frontDoorSku = 'Standard_AzureFrontDoor'
param probeIntervalSeconds = 30
param customDomain = readEnvironmentVariable('CUSTOM_DOMAIN', '')
param certificateSecretUrl = readEnvironmentVariable('CERTIFICATE_SECRET_URL', '')

param storageSku = 'Standard_LRS'
param registrySku = 'Basic'
param mediaMinReplicas = 1
param mediaMaxReplicas = 3
param maxEncoders = 2
param encoderTimeLimitMinutes = 120
param softDeleteDays = 1

param operatorEmails = [readEnvironmentVariable('OPERATOR_EMAIL', 'operators@example.com')]
param monthlyBudget = 300
param budgetStart = readEnvironmentVariable('BUDGET_START', '')
