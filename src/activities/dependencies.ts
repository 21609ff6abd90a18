import type { Telemetry } from '../telemetry.ts';
import type { MediaServices } from '../media-services-client/media-services.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { Claims } from './claims.ts';
import type { Containers } from './containers.ts';

export interface DataCenter {
  readonly side: DataCenterKey;
  /** As people know it. */
  readonly name: string;
  readonly media: MediaServices;
  /** The same media service, for what people wait for: answers or fails within seconds, and never tries again. */
  readonly glance: MediaServices;
  /** The containers of its assets, by their SAS locators. */
  readonly containers: Containers;
}

export interface ActivitySettings {
  /** The data center whose app this is. */
  readonly home: DataCenterKey;
  readonly originLocatorDays: number;
  readonly startStreamingEndpoints: boolean;
  readonly allowPrivateInputUrls: boolean;
  /** Bytes. */
  readonly inputMaxBytes: number;
}

/** What the activities are made from: built once, in the composition root. */
export interface Dependencies {
  readonly dataCenters: Readonly<Record<DataCenterKey, DataCenter>>;
  readonly claims: Claims;
  readonly telemetry: Telemetry;
  readonly settings: ActivitySettings;
}
