import * as df from 'durable-functions';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect } from 'vitest';
import { startAzurite, type Azurite } from '../../../../src/local/azurite.ts';
import { Engine } from '../../../../src/local/functions-host/durable/engine.ts';
import { eventTypes, type HistoryEvent } from '../../../../src/local/functions-host/durable/history.ts';
import { openHub } from '../../../../src/local/functions-host/durable/hub-storage.ts';
import {
  hasEnded,
  type InstanceRecord,
} from '../../../../src/local/functions-host/durable/instance-record.ts';
import { InstanceStore } from '../../../../src/local/functions-host/durable/instance-store.ts';
import { OrchestrationClient } from '../../../../src/local/functions-host/durable/orchestration-client.ts';
import { WorkStore } from '../../../../src/local/functions-host/durable/work-store.ts';
import { startFaultProxy, type Fault, type FaultProxy, type SeenRequest } from '../../../fault-proxy.ts';
import { eventually } from '../orchestrations.ts';
import { replay } from './orchestrator-functions.ts';

/** Every kind of step: activities one by one and together, a retry, a child, a timer, an event, a new generation. */
const orchestrators: Record<string, df.OrchestrationHandler> = {
  parent: function* (context) {
    const { round } = context.df.getInput<{ round: number }>();
    yield context.df.callActivity('echo', { tag: `first ${round}` });
    yield context.df.callSubOrchestrator('child', { round });
    yield context.df.Task.all([
      context.df.callActivity('echo', { tag: `left ${round}` }),
      context.df.callActivityWithRetry('echo', new df.RetryOptions(20, 3), {
        tag: `again ${round}`,
        fails: 1,
      }),
      context.df.callActivity('echo', { tag: `right ${round}` }),
    ]);
    yield context.df.waitForExternalEvent(`go ${round}`);
    if (round === 2) return { round };
    context.df.continueAsNew({ round: round + 1 });
    return undefined;
  },
  child: function* (context) {
    const { round } = context.df.getInput<{ round: number }>();
    yield context.df.callActivity('echo', { tag: `child ${round}` });
    yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 40));
    return { round };
  },
};
const functions = { activities: new Set(['echo']), orchestrators: new Set(['parent', 'child']) };

/** The activities of a whole run, each once; those tagged "again" fail once and so run twice. */
const tags = [1, 2].flatMap((round) =>
  ['first', 'child', 'left', 'again', 'right'].map((tag) => `${tag} ${round}`),
);
/** How many of them run at once. */
const concurrency = 4;

/** What a host asks of the tables, before it gets there. */
type Decide = (request: SeenRequest) => Fault | undefined | Promise<Fault | undefined>;

interface StartedEngine {
  readonly engine: Engine;
  readonly client: OrchestrationClient;
}

/** An Azurite with hubs on which engines run in this process, each behind a proxy that may stop it or hurt it. */
export class EngineHub {
  readonly #azurite: Azurite;
  readonly #place: string;
  readonly #engines: Engine[] = [];
  readonly #proxies: FaultProxy[] = [];

  private constructor(azurite: Azurite, place: string) {
    this.#azurite = azurite;
    this.#place = place;
  }

  static async create(): Promise<EngineHub> {
    const place = await mkdtemp(join(tmpdir(), 'engine-hub-'));
    return new EngineHub(await startAzurite({ location: place, accounts: { functions: undefined } }), place);
  }

  async close(): Promise<void> {
    await Promise.all(this.#engines.map((engine) => engine.close(0).catch(() => undefined)));
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    await this.#azurite.close();
    await rm(this.#place, { recursive: true });
  }

  /** Nothing goes wrong: each activity runs once, and in the end no message is left. */
  async runPlainly(hub: string): Promise<void> {
    const runs: string[] = [];
    const only = await this.#start(hub, runs);
    await only.client.start('parent', '{"round":1}', idOf(hub));
    expectRun(await this.#follow(hub, [only]), runs, 0);
    await eventually('an empty table', async () => {
      for await (const _ of only.engine.work.items()) return false;
      return true;
    });
    await only.engine.close(0);
  }

  /**
   * A host stops at a change of the tables, right before or after it is done; a second one takes over; when all is done
   * the first wakes up in the middle of what it did, and must neither do harm nor have come to harm.
   * @returns false when the run has not so many changes
   */
  async stopAt(point: number, when: 'before' | 'after'): Promise<boolean> {
    const hub = `stop${point}${when}`;
    const runs: string[] = [];
    let changes = 0;
    const [stopped, stop] = signal();
    const [awake, wakeUp] = signal();
    const first = await this.#start(hub, runs, ({ method }) => {
      if (changes < point && method !== 'GET') changes++;
      if (changes < point) return undefined;
      const isThis = changes === point;
      changes = Infinity;
      stop();
      // The change itself may be done; nothing is heard of it, and nothing more gets through until it wakes up.
      return isThis && when === 'after' ? { kind: 'lose answer' } : awake;
    });
    // Its answer may come when it wakes up only, and tell that the instance is there already.
    const started = first.client.start('parent', '{"round":1}', idOf(hub)).catch(() => undefined);
    let second: StartedEngine | undefined;
    const both: StartedEngine[] = [first];
    const takeOver = async (): Promise<void> => {
      if (second !== undefined || stopped.done !== true) return;
      second = await this.#start(hub, runs);
      both.push(second);
      if ((await second.engine.instances.read(idOf(hub))) === undefined) {
        await second.client.start('parent', '{"round":1}', idOf(hub));
      }
    };
    const run = await this.#follow(hub, both, { meanwhile: takeOver });
    expectRun(run, runs, concurrency);
    // Also where it has not stopped: its signs of life are changes, too, and would bring it there later on.
    wakeUp();
    if (second === undefined) return false;

    await started;
    first.engine.wake(idOf(hub));
    // It goes on with what it was at, and takes new work.
    await first.client.start('child', '{"round":3}', `${hub}-next`);
    await this.#follow(hub, both, { instanceId: `${hub}-next` });
    await Promise.all([first.engine.close(0), second.engine.close(0)]);
    expect(await runOf(second.engine.instances, idOf(hub))).toEqual(run);
    return true;
  }

  /** Requests fail, in each way in turn: no answer, a lost answer, 503. */
  async failRequests(hub: string, every: number): Promise<void> {
    const runs: string[] = [];
    let requests = -Infinity;
    const faults: readonly Fault[] = [
      { kind: 'refuse' },
      { kind: 'lose answer' },
      { kind: 'answer', status: 503, headers: { 'content-length': '0' } },
    ];
    const only = await this.#start(hub, runs, () => {
      requests++;
      return requests > 0 && requests % every === 0 ? faults[(requests / every) % faults.length] : undefined;
    });
    await only.client.start('parent', '{"round":1}', idOf(hub));
    requests = 0;
    const run = await this.#follow(hub, [only]);
    expect(requests).toBeGreaterThan(3 * every);
    requests = -Infinity;
    // A result whose answer was lost may be one of an activity that was given to nobody: it runs again.
    expectRun(run, runs, tags.length);
    await only.engine.close(1000);
  }

  /** The answer to an event is lost, and the event is sent again only when the first one has done its work. */
  async loseEventAnswer(hub: string): Promise<void> {
    const runs: string[] = [];
    let sends = 0;
    const [heard, hear] = signal();
    // Others send, too: the same request is known by its id, which the client keeps when it tries again.
    let eventRequest: string | undefined;
    const only = await this.#start(hub, runs, ({ method, url, headers }) => {
      const isSend = method === 'POST' && url.startsWith(`/functions/${hub}LocalWork`);
      if (!isSend || sends === 2) return undefined;
      const { 'x-ms-client-request-id': id } = headers;
      eventRequest ??= id;
      if (id !== eventRequest) return undefined;
      sends++;
      return sends === 1 ? { kind: 'lose answer' } : heard;
    });
    await only.client.start('parent', '{"round":1}', idOf(hub));
    const raised = only.client.raiseEvent(idOf(hub), 'go 1', '{}');
    const hearSecondRound = async (): Promise<void> => {
      const record = await only.engine.instances.read(idOf(hub));
      if (record?.input !== '{"round":2}' || heard.done === true) return;
      hear();
      await raised;
    };
    const run = await this.#follow(hub, [only], { meanwhile: hearSecondRound, sent: [1] });
    expect(sends).toBe(2);
    expectRun(run, runs, 0);
    await only.engine.close(0);
  }

  /** Each of two hosts takes the other for dead all the time, and takes away what it has. */
  async fightOver(hub: string): Promise<void> {
    const runs: string[] = [];
    const both = [await this.#start(hub, runs), await this.#start(hub, runs)] as const;
    await both[0].client.start('parent', '{"round":1}', idOf(hub));
    const run = await this.#follow(hub, both);
    expectRun(run, runs, Infinity);
    await Promise.all(both.map(({ engine }) => engine.close(1000)));
    expect(await runOf(both[0].engine.instances, idOf(hub))).toEqual(run);
  }

  /** A host's engine. Who has not been heard of for a millisecond is dead to it. */
  async #start(hub: string, runs: string[], decide?: Decide): Promise<StartedEngine> {
    const storage = await openHub(await this.#connection(decide), hub);
    const engine = new Engine({
      storage,
      maxActivities: concurrency,
      maxOrchestrators: 4,
      instanceLease: 0,
      activityLease: 0,
      functions,
      versioning: { defaultVersion: undefined, match: 'CurrentOrOlder', failure: 'Reject' },
      orchestrators: {
        run: ({ instanceId, name, input, parent }, played, news) =>
          replay(
            orchestrators[name]!,
            { instanceId, input: JSON.parse(input ?? 'null'), parentInstanceId: parent?.instanceId },
            [
              ...played.map((json) => JSON.parse(json) as HistoryEvent & { IsPlayed: boolean }),
              ...news.map((event) => ({ ...event, IsPlayed: false })),
            ],
          ),
      },
      runActivity: ({ input }) => {
        const { tag, fails = 0 } = JSON.parse(input ?? '{}') as { tag: string; fails?: number };
        runs.push(tag);
        const isFailing = runs.filter((run) => run === tag).length <= fails;
        return isFailing ? Promise.reject(new Error('as asked')) : Promise.resolve(JSON.stringify({ tag }));
      },
      log: pino({ level: 'silent' }),
    });
    this.#engines.push(engine);
    await engine.start();
    return { engine, client: new OrchestrationClient(engine, functions) };
  }

  async #connection(decide: Decide | undefined): Promise<string> {
    const { connectionString, tableUrl } = this.#azurite.account('functions');
    if (decide === undefined) return connectionString;
    const proxy = await startFaultProxy(new URL(tableUrl).origin, decide);
    this.#proxies.push(proxy);
    return connectionString.replace(new URL(tableUrl).host, proxy.host);
  }

  /** Plays the other side: sends each event once, when its round has come, and waits for the end. */
  async #follow(
    hub: string,
    engines: readonly StartedEngine[],
    {
      meanwhile = () => Promise.resolve(),
      instanceId = idOf(hub),
      sent: alreadySent = [],
    }: { meanwhile?: () => Promise<void>; instanceId?: string; sent?: readonly number[] } = {},
  ): Promise<Run> {
    const storage = await openHub(await this.#connection(undefined), hub);
    const [instances, work] = [new InstanceStore(storage), new WorkStore(storage)];
    const sent = new Set(alreadySent);
    return eventually(`the end of ${instanceId}`, async () => {
      await meanwhile();
      const record = await instances.read(instanceId);
      if (record === undefined) return false;
      const { round } = JSON.parse(record.input ?? '{}') as { round: number };
      if (!sent.has(round)) {
        sent.add(round);
        const key = `message.${round}`;
        await work.send(instanceId, { kind: 'event', key, name: `go ${round}`, input: '{}' });
      }
      for (const { engine } of engines) engine.wake(instanceId);
      return hasEnded(record.status) && !record.active && runOf(instances, instanceId);
    });
  }
}

/** An orchestration as it stands in the tables. */
interface Run {
  readonly record: InstanceRecord;
  readonly history: readonly HistoryEvent[];
}

async function runOf(instances: InstanceStore, instanceId: string): Promise<Run> {
  const record = (await instances.read(instanceId))!;
  return { record, history: await instances.history(record) };
}

const idOf = (hub: string): string => `${hub}-instance`;

/** A thing that happens once: whether it has, and how to let it. */
function signal(): [Promise<undefined> & { done?: boolean }, () => void] {
  let happen: () => void = () => undefined;
  const happens: Promise<undefined> & { done?: boolean } = new Promise((resolve) => {
    happen = () => {
      happens.done = true;
      resolve(undefined);
    };
  });
  return [happens, happen];
}

/** The run is whole and nothing stands twice in its history; `again` activities at most ran a second time. */
function expectRun({ record, history }: Run, runs: readonly string[], again: number): void {
  expect(record.output).toBe('{"round":2}');
  expect(new Set(runs)).toEqual(new Set(tags));
  expect(runs.length).toBeGreaterThanOrEqual(tags.length + 2);
  expect(runs.length).toBeLessThanOrEqual(tags.length + 2 + again);
  const ids = history.flatMap((event) => ('TaskScheduledId' in event ? [event.TaskScheduledId] : []));
  expect(ids).toHaveLength(new Set(ids).size);
  const created = history.flatMap((event) => (event.EventId >= 0 ? [event.EventId] : []));
  expect(created).toEqual([...created.keys()]);
  expect(history.filter(({ EventType }) => EventType === eventTypes.eventRaised)).toHaveLength(1);
}
