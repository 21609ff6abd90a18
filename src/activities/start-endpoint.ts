import type { DataCenterKey } from '../streams/data-center.ts';
import { FinalError } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';

export interface StartEndpointInput {
  readonly run: RunReference;
  readonly side: DataCenterKey;
}

/** A URL needs a streaming endpoint that runs: starts the first one when none does, or refuses if the settings say so. */
export function startEndpoint({ dataCenters, settings, telemetry }: Dependencies) {
  return async ({ run, side }: StartEndpointInput): Promise<{ readonly started: boolean }> => {
    const { media, name } = dataCenters[side];
    const endpoints = await media.streamingEndpoints();
    if (endpoints.some(({ State }) => State === 'Running')) return { started: false };
    const endpoint = endpoints.find((one) => one.Name === 'default') ?? endpoints[0];
    if (endpoint === undefined) {
      throw new FinalError('endpoint-stopped', `${name} has no streaming endpoint: create one.`);
    }
    if (!settings.startStreamingEndpoints) {
      throw new FinalError(
        'endpoint-stopped',
        `The streaming endpoint ${endpoint.Name} of ${name} is ${endpoint.State}: start it, or set START_STREAMING_ENDPOINTS to true.`,
      );
    }
    telemetry.event('StreamingEndpointStarting', {
      ...run,
      side,
      endpoint: endpoint.Name,
      state: endpoint.State,
    });
    await media.startStreamingEndpoint(endpoint.Id);
    return { started: true };
  };
}
