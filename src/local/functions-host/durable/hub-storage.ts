import { RestError, TableClient } from '@azure/data-tables';
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { hasHttpTables } from '../../../config/table-endpoint.ts';

/** Where a hub keeps its state: three tables and a container of the app's storage account. */
export interface HubStorage {
  /** A partition an instance: its row, and the rows of its history. */
  readonly instances: TableClient;
  /** A partition an instance: activities to run, and messages to the instance. Empty when all is quiet. */
  readonly work: TableClient;
  /** The hosts of the hub with their last sign of life, and the last runs of the timer functions. */
  readonly hosts: TableClient;
  /** What does not fit into a row. */
  readonly payloads: ContainerClient;
}

/**
 * Opens a hub, and creates what is not there yet. The names differ from those of DurableTask.AzureStorage: the state
 * of one host cannot be read by the other.
 */
export async function openHub(connectionString: string, hubName: string): Promise<HubStorage> {
  const retryOptions = { maxRetries: 4, retryDelayInMs: 200, maxRetryDelayInMs: 2000 };
  const table = (suffix: string): TableClient =>
    TableClient.fromConnectionString(connectionString, `${hubName}Local${suffix}`, {
      allowInsecureConnection: hasHttpTables(connectionString),
      retryOptions,
    });
  const storage: HubStorage = {
    instances: table('Instances'),
    work: table('Work'),
    hosts: table('Hosts'),
    payloads: BlobServiceClient.fromConnectionString(connectionString).getContainerClient(
      `${hubName.toLowerCase()}-local-payloads`,
    ),
  };
  await Promise.all([
    ...[storage.instances, storage.work, storage.hosts].map((client) => client.createTable()),
    storage.payloads.createIfNotExists(),
  ]);
  return storage;
}

/** Whether a request failed with one of these HTTP statuses. */
export function hasStatus(error: unknown, ...statuses: number[]): boolean {
  return error instanceof RestError && error.statusCode !== undefined && statuses.includes(error.statusCode);
}
