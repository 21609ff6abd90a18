import type { StreamingEndpoint } from '../model.ts';
import type { Store } from '../store/store.ts';
import { ApiError } from './api-error.ts';
import { byId, idIn, scanOf, type EntitySet } from './entity-set.ts';
import { operationType, streamingEndpointType } from './entity-types.ts';

export function streamingEndpointSet({ endpoints, content }: Store): EntitySet {
  const get = (key: string): Promise<StreamingEndpoint | undefined> =>
    endpoints.get(idIn('StreamingEndpoint', key));
  const turn = (state: 'Running' | 'Stopped') => async (key: string) => {
    const operation = await endpoints.turn(idIn('StreamingEndpoint', key), state);
    content.forgetEndpointState();
    return operation.Id;
  };
  return {
    type: streamingEndpointType,
    get,
    async scan(demands) {
      return (await byId(demands, get)) ?? scanOf(await endpoints.list());
    },
    create: () => Promise.reject(new ApiError(403, 'This service has one streaming endpoint: default.')),
    remove: () => Promise.reject(new ApiError(400, 'The default streaming endpoint cannot be deleted.')),
    actions: { Start: turn('Running'), Stop: turn('Stopped') },
  };
}

export function operationSet({ endpoints }: Store): EntitySet {
  const get: EntitySet['get'] = (key) => endpoints.operation(idIn('Operation', key));
  return {
    type: operationType,
    get,
    async scan(demands) {
      const single = await byId(demands, get);
      if (single !== undefined) return single;
      throw new ApiError(400, "An operation is asked for by its id: Operations('id').");
    },
  };
}
