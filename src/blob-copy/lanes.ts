import { setMaxListeners } from 'node:events';

/**
 * Runs the work in `parallel` lanes, each taking the next item. The first failure ends the others through their signal;
 * it is thrown once all have stopped.
 */
export async function inLanes<Item>(
  items: readonly Item[],
  parallel: number,
  outer: AbortSignal | undefined,
  work: (item: Item, context: { readonly lane: number; readonly signal: AbortSignal }) => Promise<void>,
): Promise<void> {
  const controller = new AbortController();
  const signal = outer === undefined ? controller.signal : AbortSignal.any([outer, controller.signal]);
  // Each lane listens.
  setMaxListeners(0, signal);
  const failures: unknown[] = [];
  const queue = items.values();
  const run = async (lane: number): Promise<void> => {
    for (const item of queue) {
      if (failures.length > 0) return;
      try {
        await work(item, { lane, signal });
      } catch (error) {
        failures.push(error);
        controller.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, (_, lane) => run(lane)));
  if (failures.length > 0) throw failures[0];
}
