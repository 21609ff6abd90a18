import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, UnreachableError, type FailoverApi, type Operation } from './failover-api.ts';
import { readableBytes, type Progress } from './progress.ts';

/** How long a run is waited for that cannot be asked about. */
const patienceMilliseconds = 120_000;

export interface FollowOptions {
  readonly signal?: AbortSignal;
  /** Between two looks; milliseconds. */
  readonly interval?: number;
}

/**
 * Follows an operation until it has ended, showing its progress. An API that is away for a while, or answers with a
 * fault of its own, is asked again.
 * @throws ApiError when there is no such operation or the request is refused, UnreachableError after two minutes
 */
export async function follow(
  api: FailoverApi,
  operationId: string,
  progress: Progress,
  { signal, interval = 500 }: FollowOptions = {},
): Promise<Operation> {
  let lastAnswer = Date.now();
  let missing = false;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const operation = await api.operation(operationId);
      if (operation === undefined) {
        throw new ApiError(404, 'not-found', `There is no operation ${operationId}.`);
      }
      lastAnswer = Date.now();
      if (missing) progress.line('The workflow answers again.');
      missing = false;
      if (operation.status !== 'running') {
        progress.end();
        return operation;
      }
      showProgress(operation, progress);
    } catch (error) {
      const passing = error instanceof UnreachableError || (error instanceof ApiError && error.status >= 500);
      if (!passing || Date.now() - lastAnswer > patienceMilliseconds) throw error;
      if (!missing) progress.line(`${(error as Error).message} Trying again.`);
      missing = true;
    }
    await delay(interval, undefined, { signal });
  }
}

function showProgress({ step, percent, bytes }: Operation, progress: Progress): void {
  progress.show({
    label: readableStep(step ?? 'starting'),
    percent: percent ?? undefined,
    detail: bytes ? `${readableBytes(bytes.done)} of ${readableBytes(bytes.total)}` : undefined,
  });
}

/** `waitForJob` → `Wait for job`, `readSas` → `Read SAS`. */
function readableStep(step: string): string {
  const words = step.replace(
    /([a-z])([A-Z])/g,
    (_, last: string, first: string) => `${last} ${first.toLowerCase()}`,
  );
  return (words.charAt(0).toUpperCase() + words.slice(1)).replace(/\bsas\b/i, 'SAS');
}
