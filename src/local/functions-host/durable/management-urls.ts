/** The addresses of the Durable management API, as the durable client binding hands them to the app. */
export interface ManagementAddress {
  /** `http://127.0.0.1:7071` */
  readonly origin: string;
  readonly hubName: string;
  readonly connectionName: string;
  /** The system key. */
  readonly key: string;
}

export const webhookPath = 'runtime/webhooks/durabletask';

/** The addresses by which one instance is looked at and changed. */
export function managementUrls(address: ManagementAddress, instanceId: string): Record<string, string> {
  const base = `${address.origin}/${webhookPath}/instances/${encodeURIComponent(instanceId)}`;
  const query = requiredQuery(address);
  return {
    id: instanceId,
    statusQueryGetUri: `${base}?${query}`,
    sendEventPostUri: `${base}/raiseEvent/{eventName}?${query}`,
    terminatePostUri: `${base}/terminate?reason={text}&${query}`,
    rewindPostUri: `${base}/rewind?reason={text}&${query}`,
    purgeHistoryDeleteUri: `${base}?${query}`,
    restartPostUri: `${base}/restart?${query}`,
    suspendPostUri: `${base}/suspend?reason={text}&${query}`,
    resumePostUri: `${base}/resume?reason={text}&${query}`,
  };
}

/** The value of a `durableClient` binding. */
export function clientBinding(address: ManagementAddress, rpcBaseUrl: string): unknown {
  const base = `${address.origin}/${webhookPath}`;
  const query = requiredQuery(address);
  return {
    taskHubName: address.hubName,
    creationUrls: {
      createNewInstancePostUri: `${base}/orchestrators/{functionName}[/{instanceId}]?${query}`,
      createAndWaitOnNewInstancePostUri: `${base}/orchestrators/{functionName}[/{instanceId}]?timeout={timeoutInSeconds}&pollingInterval={intervalInSeconds}&${query}`,
    },
    managementUrls: managementUrls(address, 'INSTANCEID'),
    baseUrl: base,
    requiredQueryStringParameters: query,
    rpcBaseUrl,
  };
}

function requiredQuery({ hubName, connectionName, key }: ManagementAddress): string {
  const connection = connectionName === 'AzureWebJobsStorage' ? 'Storage' : connectionName;
  return `taskHub=${hubName}&connection=${connection}&code=${encodeURIComponent(key)}`;
}
