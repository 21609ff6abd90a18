import { createHash } from 'node:crypto';
import { BlobServiceClient } from '@azure/storage-blob';
import type { EmulatedAccount } from '../../../src/local/azurite.ts';
import { containerOf, guidOf, LocatorType, Permissions } from '../../../src/media-service/model.ts';
import { createMediaServices } from '../../../src/media-services-client/client.ts';

export interface PublishingService {
  /** Of the media service, without a slash at its end. */
  readonly url: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The storage account it runs on. */
  readonly account: EmulatedAccount;
}

/**
 * Makes files an asset of a running media service and publishes it, through the REST API as the workflow does.
 * @returns the guid of the origin locator
 */
export async function publishFiles(
  { url, clientId, clientSecret, account }: PublishingService,
  files: ReadonlyMap<string, Buffer>,
): Promise<string> {
  const media = createMediaServices({
    mediaApi: `${url}/api/`,
    tokenUrl: `${url}/oauth2/token`,
    credentials: { tenantId: undefined, clientId, clientSecret, resource: 'https://rest.media.azure.net' },
  });
  const asset = await media.createAsset({ name: 'published' });
  const container = BlobServiceClient.fromConnectionString(account.connectionString).getContainerClient(
    containerOf(asset.Id),
  );
  for (const [name, bytes] of files) {
    await container.getBlockBlobClient(name).upload(bytes, bytes.length, {
      blobHTTPHeaders: { blobContentMD5: createHash('md5').update(bytes).digest() },
    });
  }
  await media.createFileInfos(asset.Id);
  const primary = (await media.files(asset.Id)).find(({ Name }) => Name.endsWith('.ism'));
  if (primary !== undefined) await media.updateFile(primary.Id, { isPrimary: true });
  const policy = await media.accessPolicy({
    name: 'published',
    durationInMinutes: 60,
    permissions: Permissions.Read,
  });
  const locator = await media.createLocator({
    type: LocatorType.OnDemandOrigin,
    accessPolicyId: policy.Id,
    assetId: asset.Id,
    startTime: new Date(Date.now() - 300_000),
  });
  for (const endpoint of await media.streamingEndpoints()) {
    if (endpoint.State !== 'Running') await media.startStreamingEndpoint(endpoint.Id);
  }
  return guidOf(locator.Id);
}
