import { usualLimits, type EncodingLimits } from '../../../src/media-service/store/encoding-parts.ts';
import { storageClients } from '../../../src/media-service/store/storage-clients.ts';
import { createStore, type Store } from '../../../src/media-service/store/store.ts';
import { memoryLog } from '../running-service.ts';

/** Short enough for a test, long enough for a busy machine. */
export const limits: EncodingLimits = {
  ...usualLimits,
  leaseSeconds: 4,
  renewalMilliseconds: 500,
  pollMilliseconds: 50,
  sweepMilliseconds: 0,
  retrySeconds: 1,
};

/** A store without its service, prepared. */
export async function storeOver(
  connectionString: string,
  changed: Partial<EncodingLimits> = {},
  log: Readonly<Record<string, unknown>>[] = [],
): Promise<Store> {
  const store = createStore({
    clients: await storageClients({ kind: 'key', connectionString }),
    publicBase: () => 'http://127.0.0.1:1/',
    log: memoryLog(log),
    encodingLimits: { ...limits, ...changed },
  });
  await store.prepare();
  return store;
}
