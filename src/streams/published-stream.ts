import type { AssetId, LocatorId } from './entity-ids.ts';
import type { PublishedName } from './published-name.ts';
import type { StreamingUrls } from './streaming-urls.ts';

/** A stream's published asset in one data center. */
export interface PublishedStream {
  readonly assetId: AssetId;
  readonly name: PublishedName;
}

/** A stream's origin locator in one data center, and the URLs that it gives. */
export interface StreamLocator {
  readonly locatorId: LocatorId;
  readonly urls: StreamingUrls;
}
