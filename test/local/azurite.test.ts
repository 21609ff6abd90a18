import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { AzuriteEndedError, startAzurite } from '../../src/local/azurite.ts';

test('a port of the storage emulator that somebody else has is told apart', async () => {
  const location = await mkdtemp(join(tmpdir(), 'azurite-'));
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const starting = startAzurite({ location, accounts: {}, ports: { blob: 0, queue: port, table: 0 } });
  await expect(starting).rejects.toThrow(AzuriteEndedError);
  await expect(starting).rejects.toMatchObject({ portTaken: true });
  other.close();
  await rm(location, { recursive: true });
});
