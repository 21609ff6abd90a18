/**
 * A media service over storage that knows identities only, driven through its API:
 * `node identity-program.mjs FOLDER CERTIFICATE KEY`. Prints what it saw as one JSON line.
 */
import { join } from 'node:path';
import { ContainerClient } from '@azure/storage-blob';
import { mediaServiceConfig } from '../../../src/config/media-service.ts';
import { startAzurite } from '../../../src/local/azurite.ts';
import { startMediaService } from '../../../src/media-service/service.ts';
import { at, clientId, clientSecret, memoryLog, TestClient } from '../running-service.ts';

/** A token as Microsoft Entra makes them, unsigned: the emulator looks at its claims only. */
function identityToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const tenant = 'ab1f708d-50f6-404c-a006-d71b2ac7a606';
  const claims = {
    aud: 'https://storage.azure.com',
    iss: `https://sts.windows.net/${tenant}/`,
    tid: tenant,
    oid: '23657296-5cd5-45b0-a809-d972a7f4dfe1',
    iat: now - 60,
    nbf: now - 60,
    exp: now + 3600,
  };
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${Buffer.from('none').toString('base64url')}`;
}

const statusOf = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    await call;
    return 'allowed';
  } catch (error) {
    return (error as { statusCode?: number }).statusCode ?? String(error);
  }
};

async function main([folder = '', certificate = '', key = '']: string[]): Promise<object> {
  const azurite = await startAzurite({
    location: join(folder, 'data'),
    accounts: { identified: undefined },
    extraArguments: ['--oauth', 'basic', '--cert', certificate, '--key', key],
  });
  const account = azurite.account('identified');
  const config = mediaServiceConfig({
    MEDIA_SERVICE_ROLES: 'api',
    MEDIA_SERVICE_ACCOUNT: 'identified',
    MEDIA_SERVICE_CLIENT_ID: clientId,
    MEDIA_SERVICE_CLIENT_SECRET: clientSecret,
    STORAGE_BLOB_URL: account.blobUrl,
    STORAGE_QUEUE_URL: account.queueUrl,
    STORAGE_TABLE_URL: account.tableUrl,
  });
  const credential = {
    getToken: () => Promise.resolve({ token: identityToken(), expiresOnTimestamp: Date.now() + 3_600_000 }),
  };
  const service = await startMediaService({ config, log: memoryLog([]), credential });
  try {
    const client = await TestClient.create({ service });
    const asset = await client.make('Assets', { Name: 'x' });
    const policy = await client.make('AccessPolicies', {
      Name: 'w',
      DurationInMinutes: 600,
      Permissions: 11,
    });
    const reading = await client.make('AccessPolicies', {
      Name: 'r',
      DurationInMinutes: 10,
      Permissions: 1,
    });
    const make = (policyId: unknown): Promise<Readonly<Record<string, unknown>>> =>
      client.make('Locators', { AssetId: asset['Id'], AccessPolicyId: policyId, Type: 1 });
    const [sas, readSas] = [await make(policy['Id']), await make(reading['Id'])];
    const writer = new ContainerClient(String(sas['Path']));
    const reader = new ContainerClient(String(readSas['Path']));
    const upload = (container: ContainerClient, name: string): Promise<unknown> =>
      container.getBlockBlobClient(name).upload('abc', 3);
    return {
      write: await statusOf(upload(writer, 'a film.mp4')),
      read: await statusOf(reader.getBlobClient('a film.mp4').downloadToBuffer()),
      writeWithRead: await statusOf(upload(reader, 'b')),
      hours: hoursLeft(sas),
      readHours: hoursLeft(readSas),
      createFileInfos: (await client.get(`CreateFileInfos?assetid='${String(asset['Id'])}'`)).status,
      files: (await client.list(`${at('Assets', asset['Id'])}/Files`)).map((file) => file['Name']),
      deleted: (await client.call('DELETE', at('Locators', sas['Id']))).status,
      afterDelete: (await client.get(at('Locators', sas['Id']))).status,
    };
  } finally {
    await service.close();
    await azurite.close();
  }
}

function hoursLeft(locator: Readonly<Record<string, unknown>>): number {
  const expires = new URLSearchParams(String(locator['ContentAccessComponent'])).get('se') ?? '';
  return (Date.parse(expires) - Date.now()) / 3_600_000;
}

console.log(JSON.stringify(await main(process.argv.slice(2))));
