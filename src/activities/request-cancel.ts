import type { RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';

/** Notes in the run's claim that it is to be canceled: steps that are under way look there. */
export function requestCancel({ claims }: Dependencies) {
  return async ({ run }: { readonly run: RunReference }): Promise<Record<string, never>> => {
    await claims.requestCancel(run);
    return {};
  };
}
