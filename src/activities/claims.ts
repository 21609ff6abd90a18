import { randomBytes } from 'node:crypto';
import { odata, RestError, TableClient } from '@azure/data-tables';
import type { TokenCredential } from '@azure/identity';
import { hasHttpTables } from '../config/table-endpoint.ts';
import { tablePatience } from '../transport/table-patience.ts';
import type { OwnTablesConfig } from '../config/workflow.ts';
import type { OperationKind, RunReference } from '../streams/operation.ts';
import type { RunId, Subject } from '../streams/stream-id.ts';

/** Whoever changes a stream holds its claim. One row a stream; inserting or replacing it decides who runs. */
export interface Claim {
  readonly subject: Subject;
  readonly runId: RunId;
  readonly kind: OperationKind;
  /** Of the request: the same request has the same. */
  readonly requestHash: string;
  /** The hash of the last request to publish the stream: what the stream was made from. */
  readonly publishHash: string | undefined;
  /** The run's orchestration input, so that a start that a crash cut off can be made good. */
  readonly input: unknown;
  /** The run was handed to the durable engine. */
  readonly started: boolean;
  /** Milliseconds since 1970. */
  readonly claimedAt: number;
}

/** A claim as it was read: what replacing it is conditional on. */
export interface HeldClaim extends Claim {
  readonly etag: string;
}

interface Row {
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly runId: string;
  readonly kind: string;
  readonly requestHash: string;
  readonly publishHash: string;
  readonly input: string;
  readonly started: boolean;
  readonly claimedAt: string;
  readonly cancelRequested: boolean;
  readonly inputUrl: string;
  /** Of whoever is to start the run: by it a writer knows its own write. */
  readonly starter: string;
}

const rowKey = 'claim';
const tableName = 'FailoverClaims';

/** The client of the table of claims. */
export function claimsTable(storage: OwnTablesConfig): TableClient {
  if (storage.kind === 'key') {
    const { connectionString } = storage;
    return TableClient.fromConnectionString(connectionString, tableName, {
      ...tablePatience(),
      allowInsecureConnection: hasHttpTables(connectionString),
    });
  }
  return new TableClient(storage.tableUrl, tableName, identityOf(storage.clientId), tablePatience());
}

/** The app's identity. Its package is large, so that it is loaded at the first token. */
function identityOf(clientId: string | undefined): TokenCredential {
  let credential: Promise<TokenCredential> | undefined;
  return {
    async getToken(...given) {
      credential ??= import('@azure/identity').then(
        ({ DefaultAzureCredential }) =>
          new DefaultAzureCredential(clientId === undefined ? {} : { managedIdentityClientId: clientId }),
      );
      return (await credential).getToken(...given);
    },
  };
}

/** The table of claims, in the app's own storage account. Made at the first use. */
export class Claims {
  readonly #table: TableClient;
  #ready: Promise<void> | undefined;

  constructor(table: TableClient) {
    this.#table = table;
  }

  async read(subject: Subject): Promise<HeldClaim | undefined> {
    const row = await this.#row(subject);
    return row && { ...claimOf(row), etag: row.etag };
  }

  /** Takes a free subject; false when somebody else was first. `inputUrl` may hold a secret: see `inputUrl`. */
  async insert(claim: Claim, inputUrl: string | undefined): Promise<boolean> {
    await this.#prepare();
    const row = rowOf(claim, inputUrl);
    return (await unlessStatus(409, this.#table.createEntity(row))) || this.#isWritten(row);
  }

  /** Takes the place of a claim whose run has ended; false when somebody else was first. */
  async replace(held: HeldClaim, claim: Claim, inputUrl: string | undefined): Promise<boolean> {
    await this.#prepare();
    const row = rowOf(claim, inputUrl);
    const write = this.#table.updateEntity(row, 'Replace', { etag: held.etag });
    return (await unlessStatus(412, write)) || this.#isWritten(row);
  }

  /** Takes over a start that its starter did not finish: same run, a new time. False when somebody else was first. */
  async takeOver(held: HeldClaim, claimedAt: number): Promise<boolean> {
    await this.#prepare();
    const row = { partitionKey: held.subject, rowKey, claimedAt: String(claimedAt), starter: newStarter() };
    const write = this.#table.updateEntity(row, 'Merge', { etag: held.etag });
    return (await unlessStatus(412, write)) || this.#isWritten(row);
  }

  /** False when another run has the subject by now. */
  async markStarted(subject: Subject, runId: RunId): Promise<boolean> {
    return this.#change(subject, runId, { started: true });
  }

  async requestCancel(run: RunReference): Promise<void> {
    await this.#change(run.streamId, run.runId, { cancelRequested: true });
  }

  async cancelRequested(run: RunReference): Promise<boolean> {
    const row = await this.#row(run.streamId);
    return row?.runId === run.runId && row.cancelRequested;
  }

  /** Whether this run is the one that holds the stream. */
  async holds(run: RunReference): Promise<boolean> {
    return (await this.#row(run.streamId))?.runId === run.runId;
  }

  /**
   * The URL that a run takes its input from. It may be signed, so it is kept here, out of the durable history, and
   * only until the input is taken in.
   */
  async inputUrl(run: RunReference): Promise<string | undefined> {
    const row = await this.#row(run.streamId);
    return row?.runId === run.runId && row.inputUrl !== '' ? row.inputUrl : undefined;
  }

  async forgetInputUrl(run: RunReference): Promise<void> {
    await this.#change(run.streamId, run.runId, { inputUrl: '' });
  }

  /** Throws unless the table can be read. */
  async check(): Promise<void> {
    await this.#prepare();
    await this.#table
      .listEntities({ queryOptions: { filter: odata`PartitionKey eq ${'~health'}` } })
      .byPage({ maxPageSize: 1 })
      .next();
  }

  /** Changes a run's claim, unless another run has it by now: false. */
  async #change(subject: Subject, runId: RunId, change: Partial<Row>): Promise<boolean> {
    for (;;) {
      const row = await this.#row(subject);
      if (row?.runId !== runId) return false;
      const update = { partitionKey: subject, rowKey, ...change };
      if (await unlessStatus(412, this.#table.updateEntity(update, 'Merge', { etag: row.etag }))) return true;
    }
  }

  /**
   * Whether a write that was refused is there all the same: the client repeats a write whose answer was lost, and then
   * meets its own.
   */
  async #isWritten({ partitionKey, starter }: Pick<Row, 'partitionKey' | 'starter'>): Promise<boolean> {
    return (await this.#row(partitionKey as Subject))?.starter === starter;
  }

  async #row(subject: Subject): Promise<(Row & { readonly etag: string }) | undefined> {
    await this.#prepare();
    try {
      return await this.#table.getEntity<Row>(subject, rowKey);
    } catch (error) {
      if (error instanceof RestError && error.statusCode === 404) return undefined;
      throw error;
    }
  }

  async #prepare(): Promise<void> {
    // An existing table is success; a failure is not remembered.
    this.#ready ??= this.#table.createTable().catch((error: unknown) => {
      this.#ready = undefined;
      throw error;
    });
    await this.#ready;
  }
}

async function unlessStatus(status: number, write: Promise<unknown>): Promise<boolean> {
  try {
    await write;
    return true;
  } catch (error) {
    if (error instanceof RestError && error.statusCode === status) return false;
    throw error;
  }
}

function newStarter(): string {
  return randomBytes(8).toString('hex');
}

function rowOf(claim: Claim, inputUrl: string | undefined): Row {
  return {
    partitionKey: claim.subject,
    rowKey,
    runId: claim.runId,
    kind: claim.kind,
    requestHash: claim.requestHash,
    publishHash: claim.publishHash ?? '',
    input: JSON.stringify(claim.input),
    started: claim.started,
    claimedAt: String(claim.claimedAt),
    cancelRequested: false,
    inputUrl: inputUrl ?? '',
    starter: newStarter(),
  };
}

function claimOf(row: Row): Claim {
  return {
    subject: row.partitionKey as Subject,
    runId: row.runId as RunId,
    kind: row.kind as OperationKind,
    requestHash: row.requestHash,
    publishHash: row.publishHash === '' ? undefined : row.publishHash,
    input: JSON.parse(row.input),
    started: row.started,
    claimedAt: Number(row.claimedAt),
  };
}
