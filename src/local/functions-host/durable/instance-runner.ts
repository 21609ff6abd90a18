import type { Logger } from 'pino';
import { runEpisode } from './episode.ts';
import { changesBy } from './episode-changes.ts';
import type { EngineParts, RunnerOfInstance } from './engine-parts.ts';
import { eventTypes, type HistoryEvent } from './history.ts';
import { hasEnded, type InstanceRecord } from './instance-record.ts';
import { InstanceChangedError } from './instance-store.ts';
import type { Message } from './messages.ts';
import { OpenTasks } from './open-tasks.ts';
import { playedJson } from './orchestrator-runner.ts';
import { runsVersion } from './versioning.ts';
import { nextStatus } from './control-messages.ts';
import { messageOf } from '../../../message-of.ts';
import { longestTimeout } from '../longest-timeout.ts';

/** How many messages one episode takes in. */
const messagesPerEpisode = 250;
/** How many events of earlier episodes are remembered: a sender whose answer was lost sends its event again. */
const rememberedEvents = 30;

interface Loaded {
  record: InstanceRecord;
  tasks: OpenTasks;
  /** The history, each event as JSON: what the next replay gets. */
  played: string[];
}

/**
 * Runs one instance on this host, an episode after the other. An episode is: read the messages, replay, commit (one
 * transaction), then do what the commit calls for. Whatever breaks, the state in memory is thrown away and read again;
 * what a commit called for is done again from what is stored, and doing it twice does nothing.
 */
export class InstanceRunner implements RunnerOfInstance {
  readonly instanceId: string;
  readonly #parts: EngineParts;
  readonly #log: Logger;
  #loaded: Loaded | undefined;
  #adopted: InstanceRecord | undefined;
  #wanted = false;
  #busy: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #pause = 0;
  #closed = false;

  constructor(parts: EngineParts, instanceId: string) {
    this.#parts = parts;
    this.instanceId = instanceId;
    this.#log = parts.log.child({ instanceId });
  }

  /** An instance that was just created here. */
  adopt(record: InstanceRecord): void {
    this.#adopted = record;
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    this.#wanted = true;
    this.#busy ??= this.#work().finally(() => {
      this.#busy = undefined;
      if (this.#wanted && !this.#closed) this.wake();
    });
  }

  /** Ends after the episode that runs now. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#busy;
  }

  /** Characters of history held in memory. */
  get size(): number {
    return this.#busy === undefined
      ? (this.#loaded?.played.reduce((sum, { length }) => sum + length, 0) ?? 0)
      : 0;
  }

  /** Drops the history from memory; the next episode reads it again. */
  unload(): void {
    if (this.#busy === undefined) this.#loaded = undefined;
  }

  async #work(): Promise<void> {
    while (this.#wanted && !this.#closed) {
      this.#wanted = false;
      try {
        await this.#parts.orchestratorSlots.run(() => this.#step());
        this.#pause = 0;
      } catch (error) {
        this.#loaded = undefined;
        this.#pause = Math.min(Math.max(2 * this.#pause, 200), 10_000);
        const level = error instanceof InstanceChangedError ? 'debug' : 'warn';
        this.#log[level]({ error: messageOf(error) }, 'An episode is tried again');
        this.#wakeAt(Date.now() + this.#pause);
        return;
      }
    }
  }

  async #step(): Promise<void> {
    if (this.#adopted !== undefined)
      this.#loaded = { record: this.#adopted, tasks: new OpenTasks(), played: [] };
    this.#adopted = undefined;
    this.#loaded ??= await this.#load();
    if (this.#loaded === undefined) {
      await this.#rest();
      return;
    }
    const loaded = this.#loaded;
    if (!hasEnded(loaded.record.status) && !runsVersion(this.#parts.versioning, loaded.record.version)) {
      await this.#refuse(loaded);
      return;
    }
    const messages = await this.#parts.work.messages(this.instanceId, messagesPerEpisode);
    const taken = loaded.record.takenIn.filter((key) => messages.some((message) => message.key === key));
    if (taken.length > 0) await this.#parts.work.remove(this.instanceId, taken);
    const fresh = messages.filter(({ key }) => !taken.includes(key));

    const controlled = nextStatus(loaded.record.status, fresh);
    if (hasEnded(loaded.record.status)) await this.#finish(loaded);
    else if (controlled.terminated !== undefined) await this.#terminate(loaded, controlled.terminated, fresh);
    else if (controlled.status === 'Suspended') await this.#suspend(loaded, controlled.handled);
    else {
      await this.#episode(loaded, fresh);
      if (messages.length === messagesPerEpisode) this.#wanted = true;
    }
    this.#armTimer();
  }

  async #episode(loaded: Loaded, messages: readonly Message[]): Promise<void> {
    const { record, tasks, played } = loaded;
    const { executionId, name, input, version } = record;
    const episode = await runEpisode(
      { name, executionId, input, version, tasks },
      {
        messages,
        now: new Date(),
        functions: this.#parts.functions,
        defaultVersion: this.#parts.versioning.defaultVersion,
        run: (news) => this.#parts.orchestrators.run(record, played, news),
      },
    );
    if (episode === undefined) {
      const resumed = record.status === 'Suspended';
      if (resumed) loaded.record = await this.#parts.instances.commit(record, { status: 'Running' });
      await this.#removeAll(messages);
      return;
    }
    const events = messages.filter(({ kind }) => kind === 'event').map(({ key }) => key);
    const takenIn = [...record.takenIn.slice(-rememberedEvents), ...events];
    const changes = { ...changesBy(episode.end), takenIn, customStatus: episode.customStatus ?? null };
    const endsChild = changes.active === false && record.parent !== undefined;
    loaded.record = await this.#parts.instances.commit(
      record,
      endsChild ? { ...changes, active: true } : changes,
      episode.end.kind === 'continuedAsNew' ? [] : episode.events,
    );
    if (episode.end.kind === 'continuedAsNew') {
      loaded.tasks = new OpenTasks();
      loaded.played = [];
      this.#wanted = true;
      await Promise.all([this.#removeAll(messages), this.#parts.instances.forgetHistory(record)]);
      return;
    }
    played.push(...episode.events.map(playedJson));
    await Promise.all([this.#removeAll(messages), this.#carryOut(loaded, episode.events)]);
    if (hasEnded(loaded.record.status)) await this.#finish(loaded);
  }

  async #terminate(loaded: Loaded, reason: string, messages: readonly Message[]): Promise<void> {
    const Result = JSON.stringify(reason);
    const event: HistoryEvent = {
      EventType: eventTypes.executionTerminated,
      EventId: -1,
      Timestamp: new Date().toISOString(),
      OrchestrationStatus: 'Terminated',
      Result,
    };
    const active = loaded.record.parent !== undefined;
    loaded.record = await this.#parts.instances.commit(
      loaded.record,
      { status: 'Terminated', output: Result, active },
      [event],
    );
    await this.#removeAll(messages);
    await this.#finish(loaded);
  }

  /** An instance of a version that this host does not run: it fails, or it is left to another host. */
  async #refuse(loaded: Loaded): Promise<void> {
    const { versioning, instances } = this.#parts;
    const { record } = loaded;
    const message =
      `The version '${record.version ?? ''}' of the orchestration is not one that this host runs ` +
      `(defaultVersion '${versioning.defaultVersion ?? ''}', versionMatchStrategy ${versioning.match}).`;
    if (versioning.failure === 'Fail') {
      const output = JSON.stringify(message);
      const active = record.parent !== undefined;
      loaded.record = await instances.commit(record, { status: 'Failed', output, active });
      await this.#finish(loaded);
      return;
    }
    // Once for each taking: it is nobody's from now on, and is not taken again here.
    this.#log.warn({ version: record.version }, message);
    await instances.commit(record, { owner: '' });
    this.#loaded = undefined;
    this.#parts.forget(this);
  }

  async #suspend(loaded: Loaded, handled: readonly Message[]): Promise<void> {
    if (loaded.record.status !== 'Suspended') {
      loaded.record = await this.#parts.instances.commit(loaded.record, { status: 'Suspended' });
    }
    await this.#removeAll(handled);
  }

  /** Starts what new history events call for. */
  async #carryOut({ record }: Loaded, events: readonly HistoryEvent[]): Promise<void> {
    const { starter } = this.#parts;
    await Promise.all([
      starter.startActivities(
        record,
        events.filter((event) => event.EventType === eventTypes.taskScheduled),
      ),
      ...events
        .filter((event) => event.EventType === eventTypes.subOrchestrationCreated)
        .map((event) => starter.startChild(record, event)),
    ]);
  }

  /** Tells the caller of the end. */
  async #finish(loaded: Loaded): Promise<void> {
    const { record } = loaded;
    if (record.active) {
      if (record.parent !== undefined) await this.#parts.starter.reportToParent(record, record.parent);
      await this.#parts.instances.commit(record, { active: false });
    }
    this.#loaded = undefined;
    await this.#rest();
  }

  /** Nothing is left to do here, unless the instance is started again. */
  async #rest(): Promise<void> {
    await this.#dropStrayMessages();
    if (this.#adopted === undefined) this.#parts.forget(this);
  }

  /** Messages to an instance that has ended or never was. Read before its row is: a new start's are not among them. */
  async #dropStrayMessages(): Promise<void> {
    const messages = await this.#parts.work.messages(this.instanceId, messagesPerEpisode);
    if (messages.length === 0) return;
    const record = await this.#parts.instances.read(this.instanceId);
    if (record === undefined || (hasEnded(record.status) && !record.active)) await this.#removeAll(messages);
  }

  async #removeAll(messages: readonly Message[]): Promise<void> {
    await this.#parts.work.remove(
      this.instanceId,
      messages.map(({ key }) => key),
    );
  }

  /** Reads the instance, makes it this host's, and does again what its last commit may not have got done. */
  async #load(): Promise<Loaded | undefined> {
    const { instances, hosts, lease, starter } = this.#parts;
    let record = await instances.read(this.instanceId);
    if (record === undefined || (hasEnded(record.status) && !record.active)) return undefined;
    if (record.owner !== hosts.id) {
      const { versioning } = this.#parts;
      if (versioning.failure === 'Reject' && !runsVersion(versioning, record.version)) return undefined;
      await hosts.refresh();
      if (hosts.holds(record.owner, lease)) return undefined;
      record = await instances.commit(record, { owner: hosts.id });
    }
    const tasks = new OpenTasks();
    const history = await instances.history(record);
    for (const event of history) tasks.apply(event);
    const loaded = { record, tasks, played: history.map(playedJson) };
    if (!hasEnded(record.status)) await starter.restart(record, tasks);
    return loaded;
  }

  #armTimer(): void {
    const next = this.#loaded?.record.status === 'Suspended' ? undefined : this.#loaded?.tasks.nextTimer();
    if (next !== undefined) this.#wakeAt(next);
  }

  #wakeAt(time: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.wake(), Math.min(Math.max(time - Date.now(), 0), longestTimeout));
  }
}
