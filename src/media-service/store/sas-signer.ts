import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
  type BlobServiceClient,
  type SignedIdentifier,
  type StorageSharedKeyCredential,
  type UserDelegationKey,
} from '@azure/storage-blob';
import { setTimeout as sleep } from 'node:timers/promises';
import { Permissions } from '../model.ts';
import { calling, conflict, contention, statusOf } from './errors.ts';

/** What a SAS locator gives on an asset's container. */
export interface ContainerGrant {
  readonly container: string;
  /** The locator's guid. */
  readonly id: string;
  /** Flags of `Permissions`. */
  readonly permissions: number;
  readonly startsOn: Date | undefined;
  readonly expiresOn: Date;
}

/** Signs SAS for containers. Everything it answers is a secret. */
export interface SasSigner {
  /**
   * Runs `publish`, after which the locator can be read, with the grant in force; `others` tells the ids of the
   * container's other locators (what else the storage knows is left over and dropped).
   */
  granting<T>(
    grant: ContainerGrant,
    others: () => Promise<readonly string[]>,
    publish: () => Promise<T>,
  ): Promise<T>;
  /** Ends grants: no SAS made for them is good any more, or (user delegation) none is made any more. */
  revoke(container: string, ids: readonly string[]): Promise<void>;
  /** The SAS of a grant in force: the query string without its question mark. */
  sign(grant: ContainerGrant): Promise<string>;
}

const clockSkew = 300_000;
/** What a SAS by user delegation signs depends on its version; this is the newest that the emulator knows, too. */
const delegationVersion = '2025-07-05';

function containerPermissions(flags: number): ContainerSASPermissions {
  const permissions = new ContainerSASPermissions();
  permissions.read = (flags & Permissions.Read) !== 0;
  permissions.write = (flags & Permissions.Write) !== 0;
  permissions.create = permissions.write;
  permissions.delete = (flags & Permissions.Delete) !== 0;
  permissions.list = (flags & Permissions.List) !== 0;
  return permissions;
}

/** A SAS may go over plain http only where the storage itself is reached so (an emulator). */
function protocolOf(blobs: BlobServiceClient): SASProtocol {
  return blobs.url.startsWith('https:') ? SASProtocol.Https : SASProtocol.HttpsAndHttp;
}

const leaseSeconds = 60;
const leasePatienceMilliseconds = 10_000;

/**
 * Signs with the account's key. Each SAS locator has a stored access policy of its name on the container, which holds
 * its permissions: deleting it revokes the SAS at once. The list of a container's policies is written whole and
 * without an ETag, so it is changed under a lease of the container.
 */
export class AccountKeySigner implements SasSigner {
  readonly #blobs: BlobServiceClient;
  readonly #credential: StorageSharedKeyCredential;

  constructor(blobs: BlobServiceClient, credential: StorageSharedKeyCredential) {
    this.#blobs = blobs;
    this.#credential = credential;
  }

  async granting<T>(
    grant: ContainerGrant,
    others: () => Promise<readonly string[]>,
    publish: () => Promise<T>,
  ): Promise<T> {
    return this.#leased(grant.container, async (change) => {
      const kept = await others();
      await change((policies) => [
        ...policies.filter(({ id }) => kept.includes(id)),
        { id: grant.id, accessPolicy: { permissions: containerPermissions(grant.permissions).toString() } },
      ]);
      return publish();
    });
  }

  async revoke(container: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    try {
      await this.#leased(container, (change) =>
        change((policies) => policies.filter(({ id }) => !ids.includes(id))),
      );
    } catch (error) {
      // Without its container a SAS opens nothing.
      if (statusOf(error) !== 404) throw error;
    }
  }

  sign(grant: ContainerGrant): Promise<string> {
    const parameters = generateBlobSASQueryParameters(
      {
        containerName: grant.container,
        identifier: grant.id,
        ...(grant.startsOn !== undefined && { startsOn: grant.startsOn }),
        expiresOn: grant.expiresOn,
        protocol: protocolOf(this.#blobs),
      },
      this.#credential,
    );
    return Promise.resolve(parameters.toString());
  }

  async #leased<T>(
    container: string,
    work: (change: (policies: ChangePolicies) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const client = this.#blobs.getContainerClient(container);
    const lease = client.getBlobLeaseClient();
    const deadline = Date.now() + leasePatienceMilliseconds;
    for (;;) {
      try {
        await calling(() => lease.acquireLease(leaseSeconds));
        break;
      } catch (error) {
        if (statusOf(error) !== 409 && statusOf(error) !== 412) throw error;
        if (Date.now() > deadline) throw contention(`the locators of ${container}`);
        await sleep(50 + Math.random() * 100);
      }
    }
    const conditions = { leaseId: lease.leaseId };
    try {
      return await work(async (change) => {
        const { signedIdentifiers, blobPublicAccess } = await calling(() =>
          client.getAccessPolicy({ conditions }),
        );
        await calling(() =>
          client.setAccessPolicy(blobPublicAccess, change(signedIdentifiers), { conditions }),
        );
      });
    } finally {
      // A lease that cannot be given back ends by itself.
      await lease.releaseLease().catch(() => undefined);
    }
  }
}

type ChangePolicies = (policies: readonly SignedIdentifier[]) => SignedIdentifier[];

/** The longest a SAS of a SAS locator is good for when nothing can revoke it. */
const delegatedMilliseconds = 3_600_000;
const keyMilliseconds = 24 * 3_600_000;

/**
 * Signs with a user delegation key, as a managed identity may: a SAS made at each read, good for an hour at most.
 * Nothing revokes one that is made; deleting the locator ends the making.
 */
export class UserDelegationSigner implements SasSigner {
  readonly #blobs: BlobServiceClient;
  #key: Promise<UserDelegationKey> | undefined;

  constructor(blobs: BlobServiceClient) {
    this.#blobs = blobs;
  }

  async granting<T>(
    grant: ContainerGrant,
    _others: () => Promise<readonly string[]>,
    publish: () => Promise<T>,
  ): Promise<T> {
    if (!(await calling(() => this.#blobs.getContainerClient(grant.container).exists()))) {
      throw conflict(`The container ${grant.container} is missing.`);
    }
    return publish();
  }

  async revoke(): Promise<void> {
    // Nothing was given to the storage.
  }

  async sign(grant: ContainerGrant): Promise<string> {
    const now = Date.now();
    const soonest = new Date(now - clockSkew);
    const latest = new Date(now + delegatedMilliseconds);
    const parameters = generateBlobSASQueryParameters(
      {
        containerName: grant.container,
        permissions: containerPermissions(grant.permissions),
        startsOn: grant.startsOn !== undefined && grant.startsOn > soonest ? grant.startsOn : soonest,
        expiresOn: grant.expiresOn < latest ? grant.expiresOn : latest,
        protocol: protocolOf(this.#blobs),
        version: delegationVersion,
      },
      await this.#delegationKey(),
      this.#blobs.accountName,
    );
    return parameters.toString();
  }

  /** A key that outlives a SAS made now; asked for once a day. */
  async #delegationKey(): Promise<UserDelegationKey> {
    const now = Date.now();
    const known = await this.#key?.catch(() => undefined);
    if (known !== undefined && known.signedExpiresOn.getTime() - now > delegatedMilliseconds) return known;
    this.#key = calling(() =>
      this.#blobs.getUserDelegationKey(new Date(now - clockSkew), new Date(now + keyMilliseconds)),
    );
    return this.#key;
  }
}
