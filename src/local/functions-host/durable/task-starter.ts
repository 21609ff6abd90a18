import type { ActivityWorker } from './activity-worker.ts';
import type { ActivityEvent, ChildEvent } from './history.ts';
import { hasEnded, type InstanceRecord, type ParentCall } from './instance-record.ts';
import type { InstanceStore } from './instance-store.ts';
import { failure, type TaskOutcome } from './messages.ts';
import { newInstance } from './new-instance.ts';
import type { OpenTasks } from './open-tasks.ts';
import { subOrchestrationKey, taskKey, type WorkStore } from './work-store.ts';

/** Carries out what a committed episode calls for. Every part may be done again: the second time does nothing. */
export class TaskStarter {
  readonly #instances: InstanceStore;
  readonly #work: WorkStore;
  readonly #activities: ActivityWorker;
  readonly #hostId: string;
  readonly #adopt: (record: InstanceRecord) => void;
  readonly #wake: (instanceId: string) => void;

  constructor(options: {
    instances: InstanceStore;
    work: WorkStore;
    activities: ActivityWorker;
    hostId: string;
    /** Called with an instance that was created for this host. */
    adopt: (record: InstanceRecord) => void;
    wake: (instanceId: string) => void;
  }) {
    this.#instances = options.instances;
    this.#work = options.work;
    this.#activities = options.activities;
    this.#hostId = options.hostId;
    this.#adopt = options.adopt;
    this.#wake = options.wake;
  }

  /** Puts activities where every host finds them; those this host has a place for are its own at once. */
  async startActivities(
    record: InstanceRecord,
    events: readonly Pick<ActivityEvent, 'EventId' | 'Name' | 'Input'>[],
  ): Promise<void> {
    if (events.length === 0) return;
    const { instanceId, executionId } = record;
    const reserved = this.#activities.reserve(events.length);
    try {
      const added = await this.#work.addTasks(
        events.map(({ EventId: taskId, Name: name, Input: input }, index) => ({
          instanceId,
          executionId,
          taskId,
          name,
          input,
          owner: index < reserved ? this.#hostId : '',
        })),
      );
      for (const task of added) {
        if (task.owner === this.#hostId) this.#activities.start(task);
        else this.#activities.offer(task);
      }
    } finally {
      this.#activities.release(reserved);
    }
  }

  /** Creates the instance of a sub-orchestration; it runs on this host. */
  async startChild(
    record: InstanceRecord,
    event: Pick<ChildEvent, 'EventId' | 'Name' | 'Input' | 'InstanceId' | 'Version'>,
  ): Promise<void> {
    const parent = { instanceId: record.instanceId, executionId: record.executionId, taskId: event.EventId };
    const found = await this.#instances.read(event.InstanceId);
    if (found !== undefined && isChildOf(found, parent)) return;
    if (found !== undefined && !hasEnded(found.status)) {
      await this.#refuseChild(parent, found);
      return;
    }
    const child = newInstance({
      instanceId: event.InstanceId,
      name: event.Name,
      input: event.Input,
      owner: this.#hostId,
      parent,
      version: event.Version,
    });
    const created = await this.#instances.create(child, found);
    if (created !== undefined) this.#adopt(created);
    else await this.startChild(record, event);
  }

  /** Tells the calling orchestration how its sub-orchestration ended. */
  async reportToParent(record: InstanceRecord, parent: ParentCall): Promise<void> {
    const { status, output, name } = record;
    const result = output ?? 'null';
    const outcome: TaskOutcome =
      status === 'Completed'
        ? { failed: false, result }
        : failure(String(JSON.parse(result)), `The sub-orchestration ${name} ended as ${status}.`);
    await this.#send(parent, outcome);
  }

  /** Starts again what is open and not to be found: the host may have stopped right after a commit. */
  async restart(record: InstanceRecord, tasks: OpenTasks): Promise<void> {
    const there = new Set<string>();
    for await (const item of this.#work.items(record.instanceId)) {
      there.add(item.key);
      if (item.kind === 'task' && item.owner === '') this.#activities.offer(item);
    }
    const { executionId } = record;
    const open = [...tasks.all()];
    const missing = open.flatMap((task) =>
      task.kind === 'activity' && !there.has(taskKey(executionId, task.id))
        ? [{ EventId: task.id, Name: task.name, Input: task.input }]
        : [],
    );
    await this.startActivities(record, missing);
    for (const task of open) {
      if (task.kind !== 'subOrchestration' || there.has(subOrchestrationKey(executionId, task.id))) continue;
      const { id: EventId, name: Name, input: Input, instanceId: InstanceId } = task;
      await this.startChild(record, { EventId, Name, Input, InstanceId });
    }
  }

  async #refuseChild(parent: ParentCall, found: InstanceRecord): Promise<void> {
    const reason = `An Orchestration instance with the status ${found.status} already exists.`;
    await this.#send(parent, failure(reason, reason));
  }

  async #send(parent: ParentCall, outcome: TaskOutcome): Promise<void> {
    const { instanceId, executionId, taskId } = parent;
    const key = subOrchestrationKey(executionId, taskId);
    await this.#work.send(instanceId, { kind: 'subOrchestrationResult', key, executionId, taskId, outcome });
    this.#wake(instanceId);
  }
}

function isChildOf({ parent }: InstanceRecord, call: ParentCall): boolean {
  return (
    parent?.instanceId === call.instanceId &&
    parent.executionId === call.executionId &&
    parent.taskId === call.taskId
  );
}
