import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
  type ContainerClient,
} from '@azure/storage-blob';
import type { ContainerSasUrl } from '../src/blob-copy/container-sas.ts';
import { startAzurite, type Azurite, type EmulatedAccount } from '../src/local/azurite.ts';

/** A container of an emulated account and its SAS, as a locator would give it. */
export interface TestContainer {
  readonly client: ContainerClient;
  /** The container's SAS; `at` puts another `host:port` (a proxy) in its place. */
  sas(permissions?: string, at?: string): ContainerSasUrl;
}

export interface Storages {
  readonly azurites: readonly Azurite[];
  /** A new container in the account `one` or `two`. */
  container(account: 'one' | 'two'): Promise<TestContainer>;
  close(): Promise<void>;
}

/**
 * Two accounts: in one process of the emulator, where copies on the service's side work, or `apart` in two processes,
 * where they are refused as by a firewall.
 */
export async function startStorages({ apart = false } = {}): Promise<Storages> {
  const folder = await mkdtemp(join(tmpdir(), 'storages-'));
  const start = (name: string, accounts: Record<string, undefined>): Promise<Azurite> =>
    startAzurite({ location: join(folder, name), accounts });
  const azurites = await Promise.all(
    apart
      ? [start('one', { accountone: undefined }), start('two', { accounttwo: undefined })]
      : [start('both', { accountone: undefined, accounttwo: undefined })],
  );
  const accounts = {
    one: azurites[0].account('accountone'),
    two: azurites.at(-1)!.account('accounttwo'),
  };
  let made = 0;
  return {
    azurites,
    async container(account) {
      made += 1;
      return createContainer(accounts[account], `asset-${made}`);
    },
    async close() {
      await Promise.all(azurites.map((azurite) => azurite.close()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function createContainer(account: EmulatedAccount, name: string): Promise<TestContainer> {
  const client = BlobServiceClient.fromConnectionString(account.connectionString).getContainerClient(name);
  await client.create();
  const credential = new StorageSharedKeyCredential(account.name, account.key);
  return {
    client,
    sas(permissions = 'rwl', at) {
      const sas = generateBlobSASQueryParameters(
        {
          containerName: name,
          permissions: ContainerSASPermissions.parse(permissions),
          protocol: SASProtocol.HttpsAndHttp,
          startsOn: new Date(Date.now() - 300_000),
          expiresOn: new Date(Date.now() + 3_600_000),
        },
        credential,
      );
      const url = new URL(client.url);
      if (at !== undefined) url.host = at;
      return `${url.href}?${sas.toString()}` as ContainerSasUrl;
    },
  };
}
