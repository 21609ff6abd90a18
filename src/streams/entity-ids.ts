/** The ids of media service entities that runs pass from step to step. */
export type { AssetId, JobId, LocatorId } from '../media-service/model.ts';
