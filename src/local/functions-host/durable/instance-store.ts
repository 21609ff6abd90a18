import { odata, type TableClient, type TransactionAction } from '@azure/data-tables';
import { hasStatus, type HubStorage } from './hub-storage.ts';
import type { HistoryEvent } from './history.ts';
import type { InstanceRecord, ParentCall, RecordChanges, RuntimeStatus } from './instance-record.ts';
import { TextColumns } from './text-columns.ts';

/** Another host has changed the instance meanwhile; what was to be written is void. */
export class InstanceChangedError extends Error {
  override readonly name = 'InstanceChangedError';
  readonly code = 'instance-changed';

  constructor(instanceId: string) {
    super(`The instance ${instanceId} was changed by another host.`);
  }
}

const recordKey = 'instance';
/** The columns of a history row; the rest of 1 MiB stays free. */
const historyColumns = 12;

type Row = Record<string, unknown>;

export interface InstanceFilter {
  readonly active?: boolean;
  readonly statuses?: readonly string[] | undefined;
  readonly createdFrom?: Date | undefined;
  readonly createdTo?: Date | undefined;
  readonly idPrefix?: string | undefined;
}

/** Instances and their history. Every change of an instance is one transaction, decided by its row's ETag. */
export class InstanceStore {
  readonly #table: TableClient;
  readonly #text: TextColumns;

  constructor(storage: HubStorage) {
    this.#table = storage.instances;
    this.#text = new TextColumns(storage.payloads);
  }

  async read(instanceId: string): Promise<InstanceRecord | undefined> {
    try {
      const row = await this.#table.getEntity<Row>(instanceId, recordKey);
      return await this.#recordOf(row, row.etag);
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
  }

  /**
   * Inserts an instance, or puts it in the place of an ended one of the same id.
   * @returns undefined when another one is there, or came first
   */
  async create(
    record: Omit<InstanceRecord, 'etag'>,
    replaced: InstanceRecord | undefined,
  ): Promise<InstanceRecord | undefined> {
    const { instanceId, createdTime, name, parent, version } = record;
    const row = {
      partitionKey: instanceId,
      rowKey: recordKey,
      name,
      createdTime,
      ...(version === undefined ? {} : { version }),
      ...(parent === undefined
        ? {}
        : {
            parentInstanceId: parent.instanceId,
            parentExecutionId: parent.executionId,
            parentTaskId: parent.taskId,
          }),
      ...(await this.#changedColumns(instanceId, record)),
    };
    try {
      const { etag } =
        replaced === undefined
          ? await this.#table.createEntity(row)
          : await this.#table.updateEntity(row, 'Replace', { etag: replaced.etag });
      if (replaced !== undefined) await this.forgetHistory(replaced);
      return { ...record, etag: etag ?? '' };
    } catch (error) {
      if (!hasStatus(error, 404, 409, 412)) throw error;
      // It may be this very instance, when the answer to the first try was lost.
      const found = await this.read(instanceId);
      return found?.executionId === record.executionId ? found : undefined;
    }
  }

  /**
   * Commits a change, and what it adds to the history, at once.
   * @throws InstanceChangedError
   */
  async commit(
    record: InstanceRecord,
    changes: RecordChanges,
    events: readonly HistoryEvent[] = [],
  ): Promise<InstanceRecord> {
    const { instanceId: partitionKey } = record;
    const next: InstanceRecord = {
      ...record,
      ...(events.length > 0 ? { historyRows: record.historyRows + 1 } : {}),
      ...changes,
      lastUpdatedTime: new Date(),
    };
    const row = {
      partitionKey,
      rowKey: recordKey,
      ...(await this.#changedColumns(partitionKey, next, record)),
    };
    const actions: TransactionAction[] = [['update', row, 'Merge', { etag: record.etag }]];
    if (events.length > 0) {
      const text = await this.#text.write(partitionKey, 'events', JSON.stringify(events), historyColumns);
      const rowKey = historyKey(record.executionId, record.historyRows);
      // A row that an ended execution of the same name left behind would not matter.
      actions.push(['upsert', { partitionKey, rowKey, ...text }, 'Replace']);
    }
    try {
      const done = await this.#table.submitTransaction(actions);
      const etag = done.getResponseForEntity(recordKey)?.etag ?? done.subResponses[0]?.etag;
      if (etag === undefined) throw new InstanceChangedError(partitionKey);
      return { ...next, etag };
    } catch (error) {
      if (hasStatus(error, 404, 412)) throw new InstanceChangedError(partitionKey);
      throw error;
    }
  }

  /** The history of the execution that a record names. */
  async history(record: InstanceRecord): Promise<HistoryEvent[]> {
    const { instanceId, executionId, historyRows } = record;
    const first = historyKey(executionId, 0);
    const end = historyKey(executionId, historyRows);
    const filter = odata`PartitionKey eq ${instanceId} and RowKey ge ${first} and RowKey lt ${end}`;
    const events: HistoryEvent[] = [];
    for await (const row of this.#table.listEntities<Row>({ queryOptions: { filter } })) {
      events.push(...(JSON.parse((await this.#text.read(row, 'events')) ?? '[]') as HistoryEvent[]));
    }
    return events;
  }

  /** Deletes the rows of an execution that is over. */
  async forgetHistory({ instanceId, executionId }: InstanceRecord): Promise<void> {
    const [first, end] = [historyKey(executionId, 0), `history.${executionId}/`];
    await this.#deleteRows(odata`PartitionKey eq ${instanceId} and RowKey ge ${first} and RowKey lt ${end}`);
  }

  /** Deletes an instance with all it has. */
  async purge(instanceId: string): Promise<void> {
    // The row goes last: while it is there, a purge cut short can be done again.
    await this.#deleteRows(odata`PartitionKey eq ${instanceId} and RowKey ne ${recordKey}`);
    await this.#text.purge(instanceId);
    await this.#table.deleteEntity(instanceId, recordKey).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
  }

  /** A page of instances, and the token of the next one. */
  async page(
    filter: InstanceFilter,
    { size, token }: { size: number; token: string | undefined },
  ): Promise<{ records: InstanceRecord[]; next: string | undefined }> {
    const pages = this.#table
      .listEntities<Row>({ queryOptions: { filter: filterText(filter) } })
      .byPage({ maxPageSize: size, ...(token === undefined ? {} : { continuationToken: token }) });
    for await (const page of pages) {
      const records = await Promise.all(page.map((row) => this.#recordOf(row, row.etag)));
      return { records, next: page.continuationToken };
    }
    return { records: [], next: undefined };
  }

  async *all(filter: InstanceFilter): AsyncGenerator<InstanceRecord> {
    for await (const row of this.#table.listEntities<Row>({ queryOptions: { filter: filterText(filter) } })) {
      yield await this.#recordOf(row, row.etag);
    }
  }

  async #deleteRows(filter: string): Promise<void> {
    const queryOptions = { filter, select: ['PartitionKey', 'RowKey', TextColumns.blobColumn('events')] };
    let batch: TransactionAction[] = [];
    const flush = async (): Promise<void> => {
      if (batch.length > 0) await this.#table.submitTransaction(batch);
      batch = [];
    };
    for await (const row of this.#table.listEntities<Row>({ queryOptions })) {
      batch.push(['delete', { partitionKey: row.partitionKey ?? '', rowKey: row.rowKey ?? '' }]);
      await this.#text.forget(row, 'events');
      if (batch.length === 100) await flush();
    }
    await flush();
  }

  /** The columns of a record, without the long ones that are as they were. */
  async #changedColumns(
    instanceId: string,
    next: Omit<InstanceRecord, 'etag'>,
    before?: InstanceRecord,
  ): Promise<Row> {
    const columns: Row = {
      executionId: next.executionId,
      status: next.status,
      lastUpdatedTime: next.lastUpdatedTime,
      owner: next.owner,
      active: next.active,
      historyRows: next.historyRows,
      ...(await this.#text.write(instanceId, 'takenIn', JSON.stringify(next.takenIn))),
    };
    for (const name of ['input', 'output', 'customStatus'] as const) {
      if (before?.[name] === next[name]) continue;
      Object.assign(columns, await this.#text.write(instanceId, name, next[name]));
    }
    return columns;
  }

  async #recordOf(row: Row, etag: string): Promise<InstanceRecord> {
    const [input, output, customStatus, takenIn] = await Promise.all(
      ['input', 'output', 'customStatus', 'takenIn'].map((name) => this.#text.read(row, name)),
    );
    return {
      instanceId: String(row['partitionKey']),
      executionId: String(row['executionId']),
      name: String(row['name']),
      status: row['status'] as RuntimeStatus,
      createdTime: new Date(row['createdTime'] as Date),
      lastUpdatedTime: new Date(row['lastUpdatedTime'] as Date),
      input: input ?? null,
      output: output ?? null,
      customStatus: customStatus ?? null,
      parent: parentOf(row),
      version: typeof row['version'] === 'string' ? row['version'] : undefined,
      owner: String(row['owner']),
      active: row['active'] === true,
      historyRows: Number(row['historyRows']),
      takenIn: JSON.parse(takenIn ?? '[]') as string[],
      etag,
    };
  }
}

function parentOf(row: Row): ParentCall | undefined {
  const { parentInstanceId, parentExecutionId, parentTaskId } = row;
  if (typeof parentInstanceId !== 'string') return undefined;
  return {
    instanceId: parentInstanceId,
    executionId: String(parentExecutionId),
    taskId: Number(parentTaskId),
  };
}

function historyKey(executionId: string, row: number): string {
  return `history.${executionId}.${String(row).padStart(8, '0')}`;
}

function filterText({ active, statuses, createdFrom, createdTo, idPrefix }: InstanceFilter): string {
  return [
    odata`RowKey eq ${recordKey}`,
    ...(active === undefined ? [] : [odata`active eq ${active}`]),
    ...(statuses === undefined || statuses.length === 0
      ? []
      : [`(${statuses.map((status) => odata`status eq ${status}`).join(' or ')})`]),
    ...(createdFrom === undefined ? [] : [odata`createdTime ge ${createdFrom}`]),
    ...(createdTo === undefined ? [] : [odata`createdTime le ${createdTo}`]),
    ...(idPrefix === undefined || idPrefix === ''
      ? []
      : [odata`PartitionKey ge ${idPrefix} and PartitionKey lt ${`${idPrefix}\uffff`}`]),
  ].join(' and ');
}
