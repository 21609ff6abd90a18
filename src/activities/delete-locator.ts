import type { LocatorId } from '../media-service/model.ts';
import type { DataCenterKey } from '../streams/data-center.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';

export interface DeleteLocatorInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
  readonly locatorId: LocatorId;
}

/** Takes a URL away again; what is absent already is success. */
export function deleteLocator({ dataCenters, telemetry }: Dependencies) {
  return async ({ run, side, locatorId }: DeleteLocatorInput): Promise<Record<string, never>> => {
    await dataCenters[side].media.deleteLocator(locatorId);
    telemetry.event('LocatorDeleted', { ...run, side, locatorId });
    return {};
  };
}
