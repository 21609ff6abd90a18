import { randomUUID } from 'node:crypto';
import {
  guidOf,
  idOf,
  type Operation,
  type OperationId,
  type StreamingEndpoint,
  type StreamingEndpointId,
  type StreamingEndpointState,
} from '../model.ts';
import { notFound } from './errors.ts';
import { untilWritten } from './concurrency.ts';
import { RowConflictError, type Stored, type Table } from './table.ts';

interface EndpointProperties {
  readonly Guid: string;
  readonly Name: string;
  readonly Description: string;
  readonly State: StreamingEndpointState;
  readonly Created: Date;
  readonly LastModified: Date;
}

interface OperationProperties {
  readonly State: Operation['State'];
  readonly TargetEntityId: string;
  readonly ErrorCode?: string;
  readonly ErrorMessage?: string;
}

const key = { partitionKey: 'endpoint', rowKey: 'default' } as const;
const attempts = 8;

/** The streaming endpoint of this service and the operations on it. There is one, "default", born Stopped. */
export class StreamingEndpoints {
  readonly #table: Table;
  readonly #hostName: () => string;

  constructor(table: Table, hostName: () => string) {
    this.#table = table;
    this.#hostName = hostName;
  }

  async createDefault(): Promise<void> {
    const now = new Date();
    try {
      await this.#table.insert<EndpointProperties>({
        ...key,
        Guid: randomUUID(),
        Name: 'default',
        Description: '',
        State: 'Stopped',
        Created: now,
        LastModified: now,
      });
    } catch (error) {
      if (!(error instanceof RowConflictError)) throw error;
    }
  }

  async list(): Promise<readonly StreamingEndpoint[]> {
    const row = await this.#row();
    return row === undefined ? [] : [this.#endpointOf(row)];
  }

  async get(id: StreamingEndpointId): Promise<StreamingEndpoint | undefined> {
    return (await this.list()).find((endpoint) => endpoint.Id === id);
  }

  /** The state of the default endpoint. */
  async state(): Promise<StreamingEndpointState> {
    return (await this.#row())?.State ?? 'Stopped';
  }

  /** Starts or stops the endpoint; there is nothing to wait for, so the operation has succeeded when it is answered. */
  async turn(id: StreamingEndpointId, state: 'Running' | 'Stopped'): Promise<Operation> {
    return untilWritten(attempts, 'the streaming endpoint', async () => {
      const row = await this.#row();
      if (row?.Guid !== guidOf(id)) throw notFound(`StreamingEndpoints('${id}')`);
      await this.#table.update(
        { ...key, ...endpointProperties(row), State: state, LastModified: new Date() },
        row.etag,
      );
      return this.#succeeded(id);
    });
  }

  async operation(id: OperationId): Promise<Operation | undefined> {
    const row = await this.#table.get<OperationProperties>('operation', guidOf(id));
    return row === undefined ? undefined : operationOf(id, row);
  }

  async #succeeded(target: StreamingEndpointId): Promise<Operation> {
    const guid = randomUUID();
    const operation: OperationProperties = { State: 'Succeeded', TargetEntityId: target };
    await this.#table.upsert({ partitionKey: 'operation', rowKey: guid, ...operation });
    return operationOf(idOf('Operation', guid), operation);
  }

  async #row(): Promise<Stored<EndpointProperties> | undefined> {
    return this.#table.get<EndpointProperties>(key.partitionKey, key.rowKey);
  }

  #endpointOf(row: EndpointProperties): StreamingEndpoint {
    return {
      Id: idOf('StreamingEndpoint', row.Guid),
      Name: row.Name,
      Description: row.Description,
      HostName: this.#hostName(),
      ScaleUnits: 0,
      State: row.State,
      Created: row.Created,
      LastModified: row.LastModified,
    };
  }
}

function endpointProperties(row: EndpointProperties): EndpointProperties {
  const { Guid, Name, Description, State, Created, LastModified } = row;
  return { Guid, Name, Description, State, Created, LastModified };
}

function operationOf(id: OperationId, row: OperationProperties): Operation {
  return {
    Id: id,
    State: row.State,
    TargetEntityId: row.TargetEntityId,
    ErrorCode: row.ErrorCode ?? null,
    ErrorMessage: row.ErrorMessage ?? null,
  };
}
