import type { AppFunction } from '../app/function-app.ts';
import type { Invoker } from '../app/invoker.ts';
import type { HistoryEvent } from './history.ts';
import type { InstanceRecord } from './instance-record.ts';
import {
  refuseScheduledTwice,
  stateOf,
  stateOfFailure,
  type OrchestratorState,
} from './orchestrator-state.ts';

/** Calls orchestrator functions with their whole history, in the form that `durable-functions` 3.x reads. */
export class OrchestratorRunner {
  readonly #invoker: Invoker;
  readonly #functions: ReadonlyMap<string, AppFunction>;

  constructor(invoker: Invoker, functions: readonly AppFunction[]) {
    this.#invoker = invoker;
    this.#functions = new Map(functions.map((called) => [called.name.toLowerCase(), called]));
  }

  /** @param played the history so far, each event as JSON */
  async run(
    record: Pick<InstanceRecord, 'instanceId' | 'name' | 'input' | 'parent'>,
    played: readonly string[],
    news: readonly HistoryEvent[],
  ): Promise<OrchestratorState> {
    const called = this.#functions.get(record.name.toLowerCase());
    if (called === undefined) {
      return stateOfFailure(`The function '${record.name}' is not an orchestrator function of this app.`);
    }
    const history = [...played, ...news.map((event) => JSON.stringify({ ...event, IsPlayed: false }))];
    const rest = JSON.stringify({
      instanceId: record.instanceId,
      isReplaying: played.length > 0,
      parentInstanceId: record.parent?.instanceId,
      upperSchemaVersion: 1,
      upperSchemaVersionNew: 2,
      longRunningTimerIntervalDuration: '3.00:00:00',
      maximumShortTimerDuration: '6.00:00:00',
      defaultHttpAsyncRequestSleepTimeMillseconds: 30_000,
    });
    // Put together by hand: the played events are JSON already, and there may be many.
    const json = `{"history":[${history.join(',')}],"input":${record.input ?? 'null'},${rest.slice(1)}`;
    try {
      const { response, result } = await this.#invoker.invoke(called, { input: { json } });
      refuseScheduledTwice(result);
      return stateOf(response.returnValue?.json ?? '{}');
    } catch (error) {
      return stateOfFailure(error);
    }
  }
}

/** A stored event as an orchestrator that replays it reads it. */
export function playedJson(event: HistoryEvent): string {
  return JSON.stringify({ ...event, IsPlayed: true });
}
