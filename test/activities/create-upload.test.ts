import { expect, it } from 'vitest';
import { createUpload } from '../../src/activities/create-upload.ts';
import type { Dependencies } from '../../src/activities/dependencies.ts';

const day = new Date('2026-03-02T00:00:00.000Z');

/** A data center whose locator lives until `day` and has this SAS. */
function centerWith(sas: string): Dependencies {
  const glance = {
    createAsset: () => Promise.resolve({ Id: 'nb:cid:UUID:1' }),
    accessPolicy: () => Promise.resolve({ Id: 'nb:pid:UUID:1' }),
    createLocator: () =>
      Promise.resolve({
        Path: `https://a.blob.core.windows.net/asset-1?${sas}`,
        ExpirationDateTime: day,
      }),
  };
  const telemetry = { event: () => undefined };
  return { dataCenters: { a: { glance } }, telemetry } as unknown as Dependencies;
}

it.each([
  ['a SAS that its locator can revoke', 'si=policy&sig=x', day.toISOString()],
  ['one that ends before its locator', 'se=2026-03-01T01%3A00%3A00Z&sig=x', '2026-03-01T01:00:00.000Z'],
  ['one that ends with it', 'se=2026-03-02T00%3A00%3A00Z&sig=x', day.toISOString()],
])('tells until when the upload’s URL works: %s', async (_what, sas, expires) => {
  const upload = await createUpload(centerWith(sas), 'a', 'my film.mp4');
  expect(upload).toMatchObject({
    expires,
    uploadUrl: `https://a.blob.core.windows.net/asset-1/my%20film.mp4?${sas}`,
  });
});
