// Production: both regions zone-redundant, Front Door with the web application firewall. What differs from one operator
// to the next comes from the environment (`azd env set NAME VALUE`).
using './main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'failover')
param locationA = readEnvironmentVariable('LOCATION_A', 'westeurope')
param locationB = readEnvironmentVariable('LOCATION_B', 'northeurope')
param nameA = readEnvironmentVariable('NAME_A', 'West Europe')
param nameB = readEnvironmentVariable('NAME_B', 'North Europe')

param mediaApplicationIdUri = readEnvironmentVariable('MEDIA_APPLICATION_ID_URI', 'api://failover-media')
param mediaApplicationClientId = readEnvironmentVariable('MEDIA_APPLICATION_CLIENT_ID', '')
param mediaServiceImageA = readEnvironmentVariable('SERVICE_MEDIA_A_IMAGE_NAME', '')
param mediaServiceImageB = readEnvironmentVariable('SERVICE_MEDIA_B_IMAGE_NAME', '')

param edge = readEnvironmentVariable('EDGE', 'frontDoor')
param frontDoorSku = 'Premium_AzureFrontDoor'
param customDomain = readEnvironmentVariable('CUSTOM_DOMAIN', '')
param certificateSecretUrl = readEnvironmentVariable('CERTIFICATE_SECRET_URL', '')
param webOrigins = []

param storageSku = 'Standard_ZRS'
param registrySku = 'Premium'
param mediaMinReplicas = 2
param alwaysReadyInstances = 1
param logRetentionDays = 90

param operatorEmails = [readEnvironmentVariable('OPERATOR_EMAIL', 'operators@example.com')]
param monthlyBudget = 1500
param budgetStart = readEnvironmentVariable('BUDGET_START', '')
