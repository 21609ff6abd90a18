import type { Failure } from '../streams/errors.ts';
import type { OperationKind, RunReference } from '../streams/operation.ts';
import type { Dependencies } from './dependencies.ts';

export interface FinishRunInput {
  readonly run: RunReference;
  /** A re-sync ends without this step: what it found is its result and the event `StreamsChecked`. */
  readonly kind: Exclude<OperationKind, 'resync'>;
  readonly protected: boolean;
  readonly error: Failure | null;
}

/** The last step of every run of a stream: what came of it goes to the log, and the URL it took its input from is forgotten. */
export function finishRun({ claims, telemetry }: Dependencies) {
  return async ({ run, kind, error, ...result }: FinishRunInput): Promise<Record<string, never>> => {
    await claims.forgetInputUrl(run);
    if (error === null) {
      telemetry.event('OperationSucceeded', { ...run, kind, protected: result.protected });
    } else {
      const details = { ...run, kind, code: error.code, message: error.message, retriable: error.retriable };
      if (error.code === 'canceled') telemetry.event('OperationCanceled', details);
      else telemetry.problem('OperationFailed', details);
    }
    return {};
  };
}
