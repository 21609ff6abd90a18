import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ContainerClient } from '@azure/storage-blob';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Permissions } from '../../../src/media-service/model.ts';
import type { ContainerGrant, SasSigner } from '../../../src/media-service/store/sas-signer.ts';
import { storageClients, type StorageClients } from '../../../src/media-service/store/storage-clients.ts';
import { startAzuriteIn } from '../running-service.ts';

const minutes = (count: number): Date => new Date(Date.now() + count * 60_000);

function grant(container: string, id: string, permissions: number, expiresOn = minutes(60)): ContainerGrant {
  return { container, id, permissions, startsOn: minutes(-5), expiresOn };
}

describe('with the account key', () => {
  let clients: StorageClients;
  let signer: SasSigner;
  let close: () => Promise<void>;
  beforeAll(async () => {
    const azurite = await startAzuriteIn(['keyed']);
    close = () => azurite.close();
    const { connectionString } = azurite.account('keyed');
    clients = await storageClients({ kind: 'key', connectionString });
    ({ signer } = clients);
  });
  afterAll(() => close());

  const granted = async (given: ContainerGrant, others: readonly string[] = []): Promise<ContainerClient> => {
    await signer.granting(
      given,
      () => Promise.resolve(others),
      () => Promise.resolve(),
    );
    return new ContainerClient(
      `${clients.blobs.getContainerClient(given.container).url}?${await signer.sign(given)}`,
    );
  };

  test('a SAS gives what its policy says and nothing more, until it is revoked', async () => {
    await clients.blobs.createContainer('asset-1');
    const reading = grant('asset-1', 'reading', Permissions.Read | Permissions.List);
    const reader = await granted(reading);
    const writer = await granted(grant('asset-1', 'writing', Permissions.Write), ['reading']);
    await writer.getBlockBlobClient('a').upload('a', 1);
    expect(await reader.getBlobClient('a').downloadToBuffer()).toEqual(Buffer.from('a'));
    await expect(reader.getBlockBlobClient('b').upload('b', 1)).rejects.toMatchObject({ statusCode: 403 });
    await expect(writer.getBlobClient('a').download()).rejects.toMatchObject({ statusCode: 403 });

    await signer.revoke('asset-1', ['reading']);
    await expect(reader.getBlobClient('a').download()).rejects.toMatchObject({ statusCode: 403 });
    await writer.getBlockBlobClient('b').upload('b', 1);
  });

  test('what broken-off creates left among the policies makes room', async () => {
    await clients.blobs.createContainer('asset-2');
    for (const id of ['1', '2', '3', '4', '5']) {
      await granted(grant('asset-2', id, Permissions.Read), ['1', '2', '3', '4']);
    }
    await granted(grant('asset-2', '6', Permissions.Read), ['1', '2']);
    const { signedIdentifiers } = await clients.blobs.getContainerClient('asset-2').getAccessPolicy();
    expect(signedIdentifiers.map(({ id }) => id)).toEqual(['1', '2', '6']);
  });

  test('a grant whose publishing fails leaves the container free for the next', async () => {
    await clients.blobs.createContainer('asset-3');
    const failing = signer.granting(
      grant('asset-3', 'x', Permissions.Read),
      () => Promise.resolve([]),
      () => Promise.reject(new Error('not published')),
    );
    await expect(failing).rejects.toThrow('not published');
    const started = Date.now();
    await granted(grant('asset-3', 'y', Permissions.Read));
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  test('revoking in a container that is gone is done', async () => {
    await signer.revoke('asset-gone', ['x']);
  });
});

/**
 * User delegation needs an emulator with OAuth, which needs https, whose certificate a Node process trusts only when it
 * is told at its start: so this half runs in a process of its own.
 */
test('with a managed identity: a SAS by user delegation, made at each read and good for an hour at most', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'media-service-oauth-'));
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  try {
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
    ]);
    const program = resolve('dist/test/identity-program.mjs');
    await build({
      entryPoints: [resolve('test/media-service/store/identity-program.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
    });
    const { stdout } = await promisify(execFile)(process.execPath, [program, folder, certificate, key], {
      env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate },
    });
    const seen = JSON.parse(stdout) as Record<string, unknown>;
    expect(seen).toMatchObject({
      write: 'allowed',
      read: 'allowed',
      writeWithRead: 403,
      createFileInfos: 204,
      files: ['a film.mp4'],
      deleted: 204,
      afterDelete: 404,
    });
    expect(seen['hours']).toBeGreaterThan(0.9);
    expect(seen['hours']).toBeLessThanOrEqual(1);
    expect(seen['readHours']).toBeLessThanOrEqual(1 / 6);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
