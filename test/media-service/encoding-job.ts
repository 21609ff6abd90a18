import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { containerOf, type AssetId, type JobId } from '../../src/media-service/model.ts';
import { storageClients } from '../../src/media-service/store/storage-clients.ts';
import type { Store } from '../../src/media-service/store/store.ts';

/** A job of one task over an input asset; over an empty one unless given. */
export async function createJob(store: Store, input?: AssetId): Promise<JobId> {
  const job = await store.jobs.create({
    name: 'test',
    inputs: [input ?? (await store.assets.create({ name: 'in' })).Id],
    tasks: [
      {
        configuration: 'Adaptive Streaming',
        mediaProcessorId: 'nb:mpid:UUID:ff4df607-d419-42f0-bc17-a481b1331e56',
        taskBody:
          '<taskBody><inputAsset>JobInputAsset(0)</inputAsset><outputAsset assetCreationOptions="0" ' +
          'assetName="out">JobOutputAsset(0)</outputAsset></taskBody>',
      },
    ],
  });
  return job.Id;
}

/** A job whose input is a film of so many seconds. */
export async function createFilmJob(store: Store, connectionString: string, seconds: number): Promise<JobId> {
  const folder = await mkdtemp(join(tmpdir(), 'encoding-job-'));
  try {
    const film = join(folder, 'film.mp4');
    const picture = `testsrc2=size=320x180:rate=25:duration=${seconds}`;
    const codec = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
    await promisify(execFile)('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', picture, ...codec, film]);
    const input = await store.assets.create({ name: 'in' });
    const { blobs } = await storageClients({ kind: 'key', connectionString });
    await blobs.getContainerClient(containerOf(input.Id)).getBlockBlobClient('film.mp4').uploadFile(film);
    return await createJob(store, input.Id);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
