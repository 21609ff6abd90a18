import type { DataCenterConfig, WorkflowConfig } from '../config/workflow.ts';
import { createMediaServices } from '../media-services-client/client.ts';
import { Containers } from './containers.ts';
import type { DataCenter } from './dependencies.ts';

/** A data center as activities work with it. */
export function createDataCenter(
  { key, name, mediaApi, tokenUrl }: DataCenterConfig,
  credentials: WorkflowConfig['credentials'],
): DataCenter {
  const media = createMediaServices({ mediaApi, tokenUrl, credentials });
  return { side: key, name, media, containers: new Containers(media) };
}
