import { odata, type TableClient, type TransactionAction } from '@azure/data-tables';
import { BatchedUpdates } from './batched-updates.ts';
import { hasStatus, type HubStorage } from './hub-storage.ts';
import type { Message, TaskOutcome } from './messages.ts';
import { TextColumns } from './text-columns.ts';

type Row = Record<string, unknown>;

/** What stands in the work table, without its contents. */
export interface WorkItem {
  readonly instanceId: string;
  readonly key: string;
  readonly kind: string;
  /** The host that runs it; empty: nobody yet, or it is no activity. */
  readonly owner: string;
}

/** An activity to run. */
export interface ActivityTask extends WorkItem {
  readonly kind: 'task';
  readonly executionId: string;
  readonly taskId: number;
  readonly name: string;
  /** JSON. */
  readonly input: string | null;
  readonly etag: string;
}

/** Columns of an input or an outcome in a row. */
const contentColumns = 10;
/** Rows in one transaction of the Table service; its 4 MiB hold these many of the largest. */
const batchSize = 100;
const batchBytes = 3 * 2 ** 20;

/**
 * Activities to run and messages to instances. An activity is one row from the commit that scheduled it until the
 * commit that took its result in: running it and finishing it only change that row, each under its ETag.
 */
export class WorkStore {
  readonly #table: TableClient;
  readonly #text: TextColumns;
  readonly #updates: BatchedUpdates;

  constructor(storage: HubStorage) {
    this.#table = storage.work;
    this.#updates = new BatchedUpdates(storage.work);
    this.#text = new TextColumns(storage.payloads);
  }

  /** Adds activities; one that is there already stays as it is and is left out of the answer. */
  async addTasks(tasks: readonly Omit<ActivityTask, 'etag' | 'key' | 'kind'>[]): Promise<ActivityTask[]> {
    const added: ActivityTask[] = [];
    let batch: { action: TransactionAction; task: Omit<ActivityTask, 'etag'> }[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      added.push(...(await this.#insert(batch)));
      [batch, bytes] = [[], 0];
    };
    for (const given of tasks) {
      const task = { ...given, kind: 'task' as const, key: taskKey(given.executionId, given.taskId) };
      const { instanceId: partitionKey, key: rowKey, executionId, taskId, name, owner } = task;
      const input = await this.#text.write(partitionKey, 'input', task.input, contentColumns);
      const row = { partitionKey, rowKey, kind: 'task', executionId, taskId, name, owner, ...input };
      const size = 2 * JSON.stringify(row).length;
      if (batch.length === batchSize || bytes + size > batchBytes) await flush();
      batch.push({ action: ['create', row], task });
      bytes += size;
    }
    await flush();
    return added;
  }

  /** Takes an activity for a host, or undefined when another one was faster. */
  async claim(item: WorkItem, owner: string): Promise<ActivityTask | undefined> {
    const task = 'input' in item ? (item as ActivityTask) : await this.#task(item);
    if (task?.owner !== item.owner) return undefined;
    const row = { partitionKey: task.instanceId, rowKey: task.key, owner };
    const etag = await this.#updates.update(row, 'Merge', task.etag);
    return etag === undefined ? undefined : { ...task, owner, etag };
  }

  /** Turns an activity into its result. False: it was no longer this host's, and its result counts nothing. */
  async finish(task: ActivityTask, outcome: TaskOutcome): Promise<boolean> {
    const row = {
      partitionKey: task.instanceId,
      rowKey: task.key,
      kind: 'taskResult',
      executionId: task.executionId,
      taskId: task.taskId,
      ...(await this.#outcomeColumns(task.instanceId, outcome)),
    };
    return (await this.#updates.update(row, 'Replace', task.etag)) !== undefined;
  }

  /** Gives an activity back, so that any host may run it. */
  async giveBack({ instanceId, key, etag }: ActivityTask): Promise<void> {
    await this.#updates.update({ partitionKey: instanceId, rowKey: key, owner: '' }, 'Merge', etag);
  }

  /** Puts a message in an instance's way. The same key again changes nothing. */
  async send(instanceId: string, message: Message): Promise<void> {
    const { key, kind } = message;
    const row: Row = { kind };
    if (message.kind === 'taskResult' || message.kind === 'subOrchestrationResult') {
      const { executionId, taskId, outcome } = message;
      Object.assign(row, { executionId, taskId }, await this.#outcomeColumns(instanceId, outcome));
    } else if (message.kind === 'event') {
      const input = await this.#text.write(instanceId, 'input', message.input, contentColumns);
      Object.assign(row, { name: message.name }, input);
    } else Object.assign(row, await this.#text.write(instanceId, 'reason', message.reason));
    try {
      await this.#table.createEntity({ partitionKey: instanceId, rowKey: key, ...row });
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
    }
  }

  /** The messages to an instance, oldest events first. */
  async messages(instanceId: string, limit: number): Promise<Message[]> {
    const filter = odata`PartitionKey eq ${instanceId} and kind ne 'task'`;
    const messages: Message[] = [];
    for await (const row of this.#table.listEntities<Row>({ queryOptions: { filter } })) {
      messages.push(await this.#messageOf(row));
      if (messages.length === limit) break;
    }
    return messages;
  }

  /** All that stands in the table, or what one instance has. */
  async *items(instanceId?: string): AsyncGenerator<WorkItem> {
    const select = ['PartitionKey', 'RowKey', 'kind', 'owner'];
    const filter = instanceId === undefined ? {} : { filter: odata`PartitionKey eq ${instanceId}` };
    for await (const row of this.#table.listEntities<Row>({ queryOptions: { select, ...filter } })) {
      const { partitionKey = '', rowKey = '', kind, owner } = row;
      yield {
        instanceId: partitionKey,
        key: rowKey,
        kind: String(kind),
        owner: typeof owner === 'string' ? owner : '',
      };
    }
  }

  /** Deletes all that an instance has here. */
  async removeAll(instanceId: string): Promise<void> {
    const keys: string[] = [];
    for await (const { key } of this.items(instanceId)) keys.push(key);
    await this.remove(instanceId, keys);
  }

  /** Deletes rows of an instance; those that are gone already do not matter. */
  async remove(instanceId: string, keys: readonly string[]): Promise<void> {
    for (let start = 0; start < keys.length; start += batchSize) {
      const batch = keys.slice(start, start + batchSize);
      const actions: TransactionAction[] = batch.map((rowKey) => [
        'delete',
        { partitionKey: instanceId, rowKey },
      ]);
      try {
        await this.#table.submitTransaction(actions);
      } catch (error) {
        if (!hasStatus(error, 404)) throw error;
        await Promise.all(batch.map((key) => this.#removeOne(instanceId, key)));
      }
    }
  }

  async #task(item: WorkItem): Promise<ActivityTask | undefined> {
    try {
      const row = await this.#table.getEntity<Row>(item.instanceId, item.key);
      if (row['kind'] !== 'task') return undefined;
      return {
        instanceId: item.instanceId,
        key: item.key,
        kind: 'task',
        executionId: String(row['executionId']),
        taskId: Number(row['taskId']),
        name: String(row['name']),
        input: await this.#text.read(row, 'input'),
        owner: String(row['owner']),
        etag: row.etag,
      };
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  async #removeOne(instanceId: string, key: string): Promise<void> {
    await this.#table.deleteEntity(instanceId, key).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
  }

  async #insert(
    batch: readonly { action: TransactionAction; task: Omit<ActivityTask, 'etag'> }[],
  ): Promise<ActivityTask[]> {
    if (batch.length === 0) return [];
    try {
      const done = await this.#table.submitTransaction(batch.map(({ action }) => action));
      return batch.map(({ task }, index) => ({ ...task, etag: done.subResponses[index]?.etag ?? '' }));
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
      // One of them is there already: one by one, so that each is there once.
      if (batch.length === 1) return [];
      const single = await Promise.all(batch.map((one) => this.#insert([one])));
      return single.flat();
    }
  }

  #outcomeColumns(instanceId: string, outcome: TaskOutcome): Promise<Row> {
    return this.#text.write(instanceId, 'outcome', JSON.stringify(outcome), contentColumns);
  }

  async #messageOf(row: Row): Promise<Message> {
    const key = String(row['rowKey']);
    const kind = row['kind'] as Message['kind'];
    if (kind === 'taskResult' || kind === 'subOrchestrationResult') {
      const outcome = JSON.parse((await this.#text.read(row, 'outcome')) ?? '{}') as TaskOutcome;
      return { key, kind, executionId: String(row['executionId']), taskId: Number(row['taskId']), outcome };
    }
    if (kind === 'event') {
      return { key, kind, name: String(row['name']), input: await this.#text.read(row, 'input') };
    }
    return { key, kind, reason: (await this.#text.read(row, 'reason')) ?? '' };
  }
}

/** The key of an activity's row. */
export function taskKey(executionId: string, taskId: number): string {
  return `task.${executionId}.${String(taskId).padStart(8, '0')}`;
}

/** The key of a sub-orchestration's end. */
export function subOrchestrationKey(executionId: string, taskId: number): string {
  return `sub.${executionId}.${String(taskId).padStart(8, '0')}`;
}
