import type { OrchestrationHandler } from 'durable-functions';
import { copyOf, replay, type, type Action, type HistoryEvent } from './episode.ts';
import type { RecordedGeneration } from './recorded-generation.ts';

interface Instance {
  readonly id: string;
  readonly name: string;
  readonly parent: { readonly instance: Instance; readonly taskId: number } | undefined;
  input: unknown;
  history: HistoryEvent[];
  inbox: Omit<HistoryEvent, 'Timestamp' | 'IsPlayed'>[];
  generation: number;
  customStatus: unknown;
  ended: { readonly output: unknown } | { readonly error: string } | undefined;
}

export interface ActivityCall {
  readonly name: string;
  readonly input: Record<string, unknown>;
  readonly instanceId: string;
}

export interface Run {
  readonly output: unknown;
  /** The text of a failed run. */
  readonly error: string | undefined;
  readonly customStatus: unknown;
}

/**
 * Runs orchestrations as the durable engine does: every episode replays the whole history through the SDK's own
 * executor. Time is virtual: it stands while activities run, and leaps to the next timer when nothing else is to do.
 */
export class ReplayEngine {
  readonly calls: ActivityCall[] = [];
  /** Every custom status in the order of setting. */
  readonly statuses: unknown[] = [];
  /** Every generation that has ended. */
  readonly recorded: RecordedGeneration[] = [];
  now = Date.UTC(2030, 0, 1);
  readonly #orchestrations: Readonly<Record<string, OrchestrationHandler>>;
  readonly #perform: (call: ActivityCall) => Promise<unknown>;
  readonly #instances = new Map<string, Instance>();
  readonly #timers: { readonly at: number; readonly instance: Instance; readonly taskId: number }[] = [];
  #running = 0;
  #wake: () => void = () => undefined;

  constructor(
    orchestrations: Readonly<Record<string, OrchestrationHandler>>,
    perform: (call: ActivityCall) => Promise<unknown>,
  ) {
    this.#orchestrations = orchestrations;
    this.#perform = perform;
  }

  /** Runs an orchestration and all its parts to the end. */
  async run(name: string, input: unknown, id = `${name}-1`): Promise<Run> {
    const instance = this.#create(id, name, input, undefined);
    while (instance.ended === undefined) await this.#turn();
    return {
      output: 'output' in instance.ended ? instance.ended.output : undefined,
      error: 'error' in instance.ended ? instance.ended.error : undefined,
      customStatus: instance.customStatus,
    };
  }

  raiseEvent(id: string, eventName: string, data: unknown = {}): void {
    this.#instances
      .get(id)!
      .inbox.push({ EventType: type.eventRaised, EventId: -1, Name: eventName, Input: JSON.stringify(data) });
    this.#wake();
  }

  /** Instances that have not ended. */
  get unfinished(): string[] {
    return [...this.#instances.values()].filter(({ ended }) => ended === undefined).map(({ id }) => id);
  }

  /** Everything that the durable tables would hold. */
  get stored(): string {
    return JSON.stringify([...this.#stored, ...this.#instances.values()], (key, value: unknown) =>
      key === 'parent' ? undefined : value,
    );
  }
  readonly #stored: unknown[] = [];

  /** The largest history of any generation of any instance. */
  longestHistory = 0;

  #create(id: string, name: string, input: unknown, parent: Instance['parent']): Instance {
    if (this.#instances.has(id)) throw new Error(`There is an instance ${id} already`);
    const instance: Instance = {
      id,
      name,
      parent,
      input: copyOf(input),
      history: [],
      inbox: [{ EventType: type.executionStarted, EventId: -1, Name: name, Input: JSON.stringify(input) }],
      generation: 0,
      customStatus: undefined,
      ended: undefined,
    };
    this.#instances.set(id, instance);
    return instance;
  }

  async #turn(): Promise<void> {
    // What has ended by now comes in one episode, as from the engine's queue.
    await new Promise((resolve) => setImmediate(resolve));
    const ready = [...this.#instances.values()].find(
      (one) => one.inbox.length > 0 && one.ended === undefined,
    );
    if (ready !== undefined) return this.#episode(ready);
    if (this.#running > 0) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
      return;
    }
    const next = this.#timers.sort((one, other) => one.at - other.at).shift();
    if (next === undefined) throw new Error(`Nothing is left to happen to ${this.unfinished.join(', ')}`);
    this.now = Math.max(this.now, next.at);
    next.instance.inbox.push({
      EventType: type.timerFired,
      EventId: -1,
      TimerId: next.taskId,
      FireAt: new Date(next.at).toISOString(),
    });
  }

  async #episode(instance: Instance): Promise<void> {
    this.now += 1;
    const add = (event: Omit<HistoryEvent, 'Timestamp' | 'IsPlayed'>): void => {
      instance.history.push({ ...event, Timestamp: new Date(this.now), IsPlayed: false } as HistoryEvent);
    };
    for (const event of instance.history) event.IsPlayed = true;
    add({ EventType: type.started, EventId: -1 });
    for (const event of instance.inbox.splice(0)) add(event);
    this.longestHistory = Math.max(this.longestHistory, instance.history.length);
    const handler = this.#orchestrations[instance.name];
    if (handler === undefined) throw new Error(`There is no orchestration ${instance.name}`);
    const state = await replay(handler, instance);
    instance.customStatus = copyOf(state.customStatus);
    this.statuses.push(instance.customStatus);
    const actions = state.actions.flat();
    const continued = actions.find(({ actionType }) => actionType === 4);
    if (continued !== undefined) {
      this.#stored.push(copyOf(instance.history));
      this.#record(instance, { continued: continued.input });
      instance.generation += 1;
      instance.input = copyOf(continued.input);
      instance.history = [];
      const start = { EventType: type.executionStarted, EventId: -1, Name: instance.name };
      instance.inbox.unshift({ ...start, Input: JSON.stringify(continued.input) });
      return;
    }
    if (state.error !== undefined) this.#end(instance, { error: state.error });
    else if (state.isDone) this.#end(instance, { output: copyOf(state.output) });
    else this.#schedule(instance, actions, add);
    add({ EventType: type.completed, EventId: -1 });
    if (instance.ended !== undefined) this.#record(instance, instance.ended);
  }

  #record({ id, name, input, history }: Instance, outcome: RecordedGeneration['outcome']): void {
    this.recorded.push(copyOf({ id, name, input, events: history, outcome }) as RecordedGeneration);
  }

  /** Starts what the orchestration has asked for since the last episode; ids count depth first from 0. */
  #schedule(
    instance: Instance,
    actions: readonly Action[],
    add: (event: Omit<HistoryEvent, 'Timestamp' | 'IsPlayed'>) => void,
  ): void {
    const scheduled = new Set(
      instance.history
        .filter(({ EventType }) =>
          ([type.taskScheduled, type.subCreated, type.timerCreated] as number[]).includes(EventType),
        )
        .map(({ EventId }) => EventId),
    );
    let next = 0;
    const visit = (action: Action): void => {
      if (action.compoundActions !== undefined) {
        action.compoundActions.forEach(visit);
        return;
      }
      if (action.actionType === 6) return;
      const taskId = next;
      next += 1;
      if (!scheduled.has(taskId)) this.#begin(instance, action, taskId, add);
    };
    actions.forEach(visit);
  }

  #begin(
    instance: Instance,
    action: Action,
    taskId: number,
    add: (event: Omit<HistoryEvent, 'Timestamp' | 'IsPlayed'>) => void,
  ): void {
    const name = action.functionName ?? '';
    switch (action.actionType) {
      case 0: {
        add({
          EventType: type.taskScheduled,
          EventId: taskId,
          Name: name,
          Input: JSON.stringify(action.input),
        });
        const call = {
          name,
          input: copyOf(action.input) as Record<string, unknown>,
          instanceId: instance.id,
        };
        this.calls.push(call);
        this.#running += 1;
        void this.#perform(call)
          .then(
            (result) => ({
              EventType: type.taskCompleted,
              EventId: -1,
              Result: JSON.stringify(result ?? null),
            }),
            (error: unknown) => ({
              EventType: type.taskFailed,
              EventId: -1,
              Reason: `Activity function '${name}' failed: ${String(error)}`,
              Details: '',
            }),
          )
          .then((event) => {
            instance.inbox.push({ ...event, TaskScheduledId: taskId });
            this.#running -= 1;
            this.#wake();
          });
        return;
      }
      case 2: {
        const id = action.instanceId ?? `${instance.id}:${taskId}`;
        add({ EventType: type.subCreated, EventId: taskId, Name: name, InstanceId: id });
        this.#create(id, name, action.input, { instance, taskId });
        return;
      }
      case 5: {
        const at = new Date(action.fireAt!).getTime();
        add({ EventType: type.timerCreated, EventId: taskId, FireAt: new Date(at).toISOString() });
        this.#timers.push({ at, instance, taskId });
        return;
      }
      default:
        throw new Error(`The engine does not know the action type ${action.actionType}`);
    }
  }

  #end(instance: Instance, ended: NonNullable<Instance['ended']>): void {
    instance.ended = ended;
    const { parent } = instance;
    if (parent === undefined) return;
    const common = { EventId: -1, TaskScheduledId: parent.taskId };
    parent.instance.inbox.push(
      'error' in ended
        ? {
            ...common,
            EventType: type.subFailed,
            Reason: `Sub orchestrator function '${instance.name}' failed: ${ended.error}`,
            Details: '',
          }
        : { ...common, EventType: type.subCompleted, Result: JSON.stringify(ended.output ?? null) },
    );
  }
}
