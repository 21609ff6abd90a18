import { dataCenterKeys, type DataCenterKey } from '../streams/data-center.ts';
import type { Failure } from '../streams/errors.ts';
import { toFailure } from './failures.ts';

/** Why a data center could not be asked. */
export type Problems = Partial<Readonly<Record<DataCenterKey, Failure>>>;

export interface Answers<Value> {
  readonly answers: Partial<Readonly<Record<DataCenterKey, Value>>>;
  readonly problems: Problems;
  /** What the first one that failed threw. */
  readonly error: Error | undefined;
}

/**
 * Asks both data centers at once; that one of them fails is part of the answer.
 * @throws a fault of this program
 */
export async function atEach<Value>(ask: (key: DataCenterKey) => Promise<Value>): Promise<Answers<Value>> {
  const asked = await Promise.allSettled(dataCenterKeys.map(ask));
  const answers: Partial<Record<DataCenterKey, Value>> = {};
  const problems: Partial<Record<DataCenterKey, Failure>> = {};
  let error: Error | undefined;
  for (const [index, key] of dataCenterKeys.entries()) {
    const one = asked[index];
    if (one?.status === 'fulfilled') answers[key] = one.value;
    if (one?.status !== 'rejected') continue;
    const reason = one.reason instanceof Error ? one.reason : new Error(String(one.reason));
    const problem = toFailure(reason);
    if (problem.code === 'internal') throw reason;
    problems[key] = problem;
    error ??= reason;
  }
  return { answers, problems, error };
}
