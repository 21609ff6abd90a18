import type { Logger } from 'pino';
import { messageOf } from '../../../message-of.ts';
import { ActivityWorker } from './activity-worker.ts';
import type { EngineParts, RunnerOfInstance } from './engine-parts.ts';
import { HubHosts } from './hub-hosts.ts';
import type { HubStorage } from './hub-storage.ts';
import { InstanceRunner } from './instance-runner.ts';
import type { InstanceRecord } from './instance-record.ts';
import { InstanceStore } from './instance-store.ts';
import type { OrchestratorRunner } from './orchestrator-runner.ts';
import type { CallableFunctions } from './scheduling.ts';
import { Slots } from './slots.ts';
import { TaskStarter } from './task-starter.ts';
import type { Versioning } from './versioning.ts';
import { WorkStore, type ActivityTask } from './work-store.ts';

/** Milliseconds between two looks at the tables; what happens on this host itself is known at once. */
const lookAlone = 2000;
const lookInCompany = 1000;
/** Characters of history held in memory for instances that wait. */
const historyLimit = 32 * 2 ** 20;

export interface EngineOptions {
  readonly storage: HubStorage;
  readonly maxActivities: number;
  readonly maxOrchestrators: number;
  readonly instanceLease: number;
  readonly activityLease: number;
  readonly functions: CallableFunctions;
  readonly versioning: Versioning;
  readonly orchestrators: Pick<OrchestratorRunner, 'run'>;
  readonly runActivity: (task: ActivityTask) => Promise<string>;
  readonly log: Logger;
}

/** Runs the orchestrations and activities of a hub that fall to this host. */
export class Engine {
  readonly instances: InstanceStore;
  readonly work: WorkStore;
  readonly hosts: HubHosts;
  readonly #options: EngineOptions;
  readonly #parts: EngineParts;
  readonly #activities: ActivityWorker;
  readonly #runners = new Map<string, InstanceRunner>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #closing = false;
  /** Activities that were this host's at the last look and did not run. */
  #idle = new Set<string>();

  constructor(options: EngineOptions) {
    const { storage, log } = options;
    this.#options = options;
    this.instances = new InstanceStore(storage);
    this.work = new WorkStore(storage);
    this.hosts = new HubHosts(storage.hosts, log);
    this.#activities = new ActivityWorker({
      store: this.work,
      hostId: this.hosts.id,
      concurrency: options.maxActivities,
      run: options.runActivity,
      finished: (instanceId) => this.wake(instanceId),
      log,
    });
    const starter = new TaskStarter({
      instances: this.instances,
      work: this.work,
      activities: this.#activities,
      hostId: this.hosts.id,
      adopt: (record) => this.adopt(record),
      wake: (instanceId) => this.wake(instanceId),
    });
    this.#parts = {
      instances: this.instances,
      work: this.work,
      hosts: this.hosts,
      starter,
      orchestrators: options.orchestrators,
      functions: options.functions,
      versioning: options.versioning,
      orchestratorSlots: new Slots(options.maxOrchestrators),
      lease: options.instanceLease,
      forget: (runner) => this.#forget(runner),
      log,
    };
  }

  /** Of orchestrations that are started without one. */
  get defaultVersion(): string | undefined {
    return this.#options.versioning.defaultVersion;
  }

  async start(): Promise<void> {
    await this.hosts.join();
    await this.#look();
    this.#lookAgain();
  }

  /** Runs an instance that was created for this host. */
  adopt(record: InstanceRecord): void {
    if (!this.#closing) this.#runnerOf(record.instanceId).adopt(record);
  }

  /** There may be something to do for an instance. */
  wake(instanceId: string): void {
    if (!this.#closing) this.#runnerOf(instanceId).wake();
  }

  /**
   * Stops: the episodes that run end, activities get so many milliseconds, and what is left is free for other hosts.
   */
  async close(patience: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await this.#activities.close(patience);
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
    await this.hosts.leave();
  }

  #runnerOf(instanceId: string): InstanceRunner {
    let runner = this.#runners.get(instanceId);
    if (runner === undefined) {
      runner = new InstanceRunner(this.#parts, instanceId);
      this.#runners.set(instanceId, runner);
    }
    return runner;
  }

  #forget(runner: RunnerOfInstance): void {
    if (this.#runners.get(runner.instanceId) === runner) this.#runners.delete(runner.instanceId);
  }

  #lookAgain(): void {
    if (this.#closing) return;
    const pause = this.hosts.hasCompany(this.#options.instanceLease) ? lookInCompany : lookAlone;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch((error: unknown) => {
          this.#options.log.warn({ error: messageOf(error) }, 'The hub could not be read; it is tried again');
        })
        .finally(() => this.#lookAgain());
    }, pause);
  }

  /** Finds what nobody on this host has told of: other hosts' messages, and what hosts that are gone left behind. */
  async #look(): Promise<void> {
    const { instanceLease, activityLease } = this.#options;
    await this.hosts.refresh();
    const addressed = new Set<string>();
    const idle = new Set<string>();
    for await (const item of this.work.items()) {
      if (item.kind !== 'task') addressed.add(item.instanceId);
      else if (item.owner === this.hosts.id) {
        // Taken by a request whose answer was lost, unless it is about to be started: then it runs at the next look.
        const id = `${item.instanceId}/${item.key}`;
        if (this.#idle.has(id)) this.#activities.offer(item);
        else if (!this.#activities.runs(item)) idle.add(id);
      } else if (!this.hosts.holds(item.owner, activityLease)) this.#activities.offer(item);
    }
    this.#idle = idle;
    for await (const { instanceId, owner } of this.instances.all({ active: true })) {
      const isMine = owner === this.hosts.id;
      if (isMine ? !this.#runners.has(instanceId) : !this.hosts.holds(owner, instanceLease)) {
        addressed.add(instanceId);
      }
    }
    for (const instanceId of addressed) this.wake(instanceId);
    await this.hosts.forgetTheDead(Math.max(instanceLease, activityLease));
    this.#bound();
  }

  #bound(): void {
    let held = 0;
    for (const runner of this.#runners.values()) {
      const { size } = runner;
      if (held + size > historyLimit) runner.unload();
      else held += size;
    }
  }
}
