import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { failoverApi } from '../../src/cli/failover-api.ts';
import { uploadInput, UploadError } from '../../src/cli/upload.ts';
import { startStandInApi } from './stand-in-api.ts';

test('an upload whose file is gone meanwhile says so, and keeps the cause', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'upload-'));
  const api = await startStandInApi(() => ({
    status: 201,
    body: {
      assetId: 'nb:cid:UUID:1',
      dataCenter: 'a',
      uploadUrl: 'http://127.0.0.1:9/x/film.mp4?sig=c2VjcmV0',
      expires: '2030',
    },
  }));
  try {
    const upload = uploadInput(
      failoverApi({ url: api.url, key: undefined }),
      { path: join(folder, 'film.mp4'), bytes: 10 },
      {
        progress: { show: () => undefined, line: () => undefined, end: () => undefined },
        signal: new AbortController().signal,
      },
    );
    const error: unknown = await upload.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UploadError);
    expect(error).toMatchObject({ cause: { code: 'ENOENT' } });
    expect((error as Error).message).toMatch(/could not be uploaded \(ENOENT\)/);
  } finally {
    await api.close();
    await rm(folder, { recursive: true });
  }
});
