import type { TokenCredential } from '@azure/identity';
import { TableClient } from '@azure/data-tables';
import { BlobServiceClient, newPipeline, StorageSharedKeyCredential } from '@azure/storage-blob';
import { QueueServiceClient, type QueueClient } from '@azure/storage-queue';
import type { StorageConfig } from '../../config/media-service.ts';
import { hasHttpTables } from '../../config/table-endpoint.ts';
import { survivingEarlyAnswers } from '../../transport/early-answers.ts';
import { tablePatience } from '../../transport/table-patience.ts';
import { AccountKeySigner, UserDelegationSigner, type SasSigner } from './sas-signer.ts';
import { Table } from './table.ts';

/** The storage account of one media service. */
export interface StorageClients {
  readonly blobs: BlobServiceClient;
  readonly queue: QueueClient;
  readonly signer: SasSigner;
  table(name: string): Table;
}

const queueName = 'media-jobs';

/** Short: an API that answers 503 soon is of more use than one that hangs. */
const blobRetries = {
  retryOptions: { maxTries: 3, retryDelayInMs: 100, maxRetryDelayInMs: 1000, tryTimeoutInMs: 60_000 },
};
const tableRetries = {
  ...tablePatience(),
  retryOptions: { maxRetries: 2, retryDelayInMs: 100, maxRetryDelayInMs: 1000 },
};

/** Connects to the account, by its key or (`credential`) by an identity. Nothing is asked of it yet. */
export async function storageClients(
  config: StorageConfig,
  credential?: TokenCredential,
): Promise<StorageClients> {
  if (config.kind === 'key') return clientsByKey(config.connectionString);
  const identity = credential ?? (await managedIdentity(config.clientId));
  const blobs = blobService(config.blobUrl, identity);
  return {
    blobs,
    queue: new QueueServiceClient(config.queueUrl, identity, blobRetries).getQueueClient(queueName),
    signer: new UserDelegationSigner(blobs),
    table: (name) => new Table(new TableClient(config.tableUrl, name, identity, tableRetries)),
  };
}

/** The library is large and needed with a managed identity only. */
async function managedIdentity(clientId: string | undefined): Promise<TokenCredential> {
  const { DefaultAzureCredential, ManagedIdentityCredential } = await import('@azure/identity');
  // Without a name it may be the developer's own: the command line's, an editor's.
  return clientId === undefined ? new DefaultAzureCredential() : new ManagedIdentityCredential({ clientId });
}

function clientsByKey(connectionString: string): StorageClients {
  const { url, credential } = BlobServiceClient.fromConnectionString(connectionString);
  if (!(credential instanceof StorageSharedKeyCredential)) {
    throw new Error('The connection string has no account key.');
  }
  const blobs = blobService(url, credential);
  return {
    blobs,
    queue: QueueServiceClient.fromConnectionString(connectionString, blobRetries).getQueueClient(queueName),
    signer: new AccountKeySigner(blobs, credential),
    table: (name) =>
      new Table(
        TableClient.fromConnectionString(connectionString, name, {
          ...tableRetries,
          allowInsecureConnection: hasHttpTables(connectionString),
        }),
      ),
  };
}

function blobService(
  url: string,
  credential: StorageSharedKeyCredential | TokenCredential,
): BlobServiceClient {
  return new BlobServiceClient(url, survivingEarlyAnswers(newPipeline(credential, blobRetries)));
}
