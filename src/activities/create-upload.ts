import { AssetOptions, LocatorType, Permissions, type AssetId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import { assetFileName } from '../streams/asset-file-name.ts';
import type { Dependencies } from './dependencies.ts';
import { startNow } from './locator-times.ts';
import { uploadLocatorName } from './sas-locators.ts';

export interface CreatedUpload {
  readonly assetId: AssetId;
  readonly dataCenter: DataCenterKey;
  /** The name as an AssetFile may have it. */
  readonly fileName: string;
  /** Where to PUT the file as a block blob: a secret. */
  readonly uploadUrl: string;
  /** Until when `uploadUrl` opens the asset, ISO 8601. */
  readonly expires: string;
}

/** Minutes that a client has for its upload. */
const durationInMinutes = 24 * 60;

/** Makes an empty input asset and a URL to upload a file to. Not a step of a run: its answer holds a secret. */
export async function createUpload(
  { dataCenters, telemetry }: Dependencies,
  side: DataCenterKey,
  fileName: string,
): Promise<CreatedUpload> {
  // Somebody waits for the answer.
  const { glance: media } = dataCenters[side];
  const name = assetFileName(fileName);
  const asset = await media.createAsset({ name: `upload ${name}`, options: AssetOptions.None });
  const policy = await media.accessPolicy({
    name: 'failover upload',
    durationInMinutes,
    // Clients that upload in blocks look what is there already.
    permissions: Permissions.Read + Permissions.Write + Permissions.List,
  });
  const locator = await media.createLocator({
    name: uploadLocatorName,
    type: LocatorType.Sas,
    accessPolicyId: policy.Id,
    assetId: asset.Id,
    startTime: startNow(),
  });
  telemetry.event('UploadOffered', { side, assetId: asset.Id, fileName: name });
  const url = new URL(locator.Path);
  url.pathname = `${url.pathname}/${encodeURIComponent(name)}`;
  return {
    assetId: asset.Id,
    dataCenter: side,
    fileName: name,
    uploadUrl: url.href,
    expires: endOf(url, locator.ExpirationDateTime).toISOString(),
  };
}

/** A SAS that nothing could revoke ends sooner than its locator, and says so (`se`: signed expiry). */
function endOf(sas: URL, locator: Date): Date {
  const signed = new Date(sas.searchParams.get('se') ?? Number.NaN);
  return signed < locator ? signed : locator;
}
