/** The ids of media service entities that runs pass from step to step. */
export { parseId, type AssetId, type JobId, type LocatorId } from '../media-service/model.ts';
