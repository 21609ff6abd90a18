import { canceledError, FinalError } from '../streams/errors.ts';
import type { RunReference } from '../streams/operation.ts';
import type { Claims } from './claims.ts';

type Cancelable = Pick<Claims, 'cancelRequested'>;

/** Milliseconds. */
export const betweenLooks = 2000;

/** @throws FinalError `canceled` */
export async function hearCancel(claims: Cancelable, run: RunReference): Promise<void> {
  if (await claims.cancelRequested(run)) throw canceledError();
}

/**
 * Does what may take long, unless its run is to be canceled; the signal is raised when that is asked for meanwhile.
 * @throws FinalError `canceled`
 */
export async function unlessCanceled<Value>(
  claims: Cancelable,
  run: RunReference,
  work: (signal: AbortSignal) => Promise<Value>,
  every = betweenLooks,
): Promise<Value> {
  await hearCancel(claims, run);
  const end = new AbortController();
  let looking = false;
  const looks = setInterval(() => {
    if (looking) return;
    looking = true;
    void hearCancel(claims, run)
      .catch((error: unknown) => {
        // A look that fails is made good by the next one.
        if (error instanceof FinalError) end.abort(error);
      })
      .finally(() => (looking = false));
  }, every);
  try {
    return await work(end.signal);
  } catch (error) {
    throw end.signal.aborted ? end.signal.reason : error;
  } finally {
    clearInterval(looks);
  }
}

/** A step that is not begun for a run that is to be canceled. */
export function heard<Input extends { readonly run: RunReference }, Value>(
  claims: Cancelable,
  step: (input: Input) => Promise<Value>,
): (input: Input) => Promise<Value> {
  return async (input) => {
    await hearCancel(claims, input.run);
    return step(input);
  };
}

/** A step that is not tried again for a run that is to be canceled. */
export function heardInTrouble<Input extends { readonly run: RunReference }, Value>(
  claims: Cancelable,
  step: (input: Input) => Promise<Value>,
): (input: Input) => Promise<Value> {
  return async (input) => {
    try {
      return await step(input);
    } catch (error) {
      await hearCancel(claims, input.run);
      throw error;
    }
  };
}
