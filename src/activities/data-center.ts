import type { DataCenterConfig, WorkflowConfig } from '../config/workflow.ts';
import { createMediaServices } from '../media-services-client/client.ts';
import { Containers } from './containers.ts';
import type { DataCenter } from './dependencies.ts';

/** Milliseconds a request may take that somebody waits for: a data center that hangs is told as unreachable then. */
const glanceLimit = 4000;

/** A data center as activities work with it. */
export function createDataCenter(
  { key, name, mediaApi, tokenUrl }: DataCenterConfig,
  credentials: WorkflowConfig['credentials'],
): DataCenter {
  const media = createMediaServices({ mediaApi, tokenUrl, credentials });
  const glance = createMediaServices({
    mediaApi,
    tokenUrl,
    credentials,
    timeLimit: glanceLimit,
    retries: 0,
  });
  return { side: key, name, media, glance, containers: new Containers(media) };
}
