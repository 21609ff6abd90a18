import { randomUUID } from 'node:crypto';
import type { Engine } from './engine.ts';
import { hasEnded, type InstanceRecord } from './instance-record.ts';
import type { Message } from './messages.ts';
import { newInstance } from './new-instance.ts';
import type { CallableFunctions } from './scheduling.ts';

/** A request to the Durable API cannot be done; `status` is the HTTP status of its answer. */
export class OrchestrationRequestError extends Error {
  override readonly name = 'OrchestrationRequestError';
  readonly code = 'orchestration-request';
  readonly status: 400 | 404 | 409 | 410 | 501;

  constructor(status: OrchestrationRequestError['status'], message: string) {
    super(message);
    this.status = status;
  }
}

/** What a Durable client can ask for. */
export class OrchestrationClient {
  readonly #engine: Engine;
  readonly #functions: CallableFunctions;
  #lastMessage = 0;

  constructor(engine: Engine, functions: CallableFunctions) {
    this.#engine = engine;
    this.#functions = functions;
  }

  /**
   * Starts an orchestration. An id that has ended starts again, and its history is gone.
   * @param input JSON
   * @param version host.json's defaultVersion unless given
   * @throws OrchestrationRequestError 400 for no such function or a bad id, 409 when the id runs
   */
  async start(
    name: string,
    input: string | null,
    instanceId: string | undefined,
    version = this.#engine.defaultVersion,
  ): Promise<string> {
    if (!this.#functions.orchestrators.has(name.toLowerCase())) {
      const known = [...this.#functions.orchestrators].map((one) => `'${one}'`).join(', ');
      throw new OrchestrationRequestError(
        400,
        `The function '${name}' doesn't exist, is disabled, or is not an orchestrator function. Additional info: ` +
          `The following are the known orchestrator functions: ${known}.`,
      );
    }
    const id = instanceId ?? randomUUID().replaceAll('-', '');
    requireInstanceId(id);
    const found = await this.#engine.instances.read(id);
    if (found !== undefined && !hasEnded(found.status)) throw alreadyThere(found);
    const created = await this.#engine.instances.create(
      newInstance({ instanceId: id, name, input, owner: this.#engine.hosts.id, version }),
      found,
    );
    if (created === undefined) throw alreadyThere(await this.#engine.instances.read(id));
    this.#engine.adopt(created);
    return id;
  }

  /** @throws OrchestrationRequestError 404, or 400 for what is no id */
  async get(instanceId: string): Promise<InstanceRecord> {
    const record = await this.#find(instanceId);
    if (record === undefined) {
      throw new OrchestrationRequestError(404, `No instance with ID '${instanceId}' found.`);
    }
    return record;
  }

  /** @throws OrchestrationRequestError 404, or 410 when the instance has ended */
  async raiseEvent(instanceId: string, name: string, input: string | null): Promise<void> {
    await this.#send(instanceId, (order) => ({ kind: 'event', key: `message.${order}`, name, input }));
  }

  /** @throws OrchestrationRequestError 404, or 410 when the instance has ended */
  async control(instanceId: string, kind: 'terminate' | 'suspend' | 'resume', reason: string): Promise<void> {
    // Sorted before events: a suspended instance hears it however many of those wait.
    await this.#send(instanceId, (order) => ({ kind, key: `control.${order}`, reason }));
  }

  /**
   * Starts an instance again with the input it had.
   * @throws OrchestrationRequestError 404, or 409 when it runs and keeps its id
   */
  async restart(instanceId: string, withNewId: boolean): Promise<string> {
    const { name, input } = await this.get(instanceId);
    return this.start(name, input, withNewId ? undefined : instanceId);
  }

  /**
   * Deletes an instance with its history. False: there was none.
   * @throws OrchestrationRequestError 400 for what is no id
   */
  async purge(instanceId: string): Promise<boolean> {
    if ((await this.#find(instanceId)) === undefined) return false;
    await this.#engine.work.removeAll(instanceId);
    await this.#engine.instances.purge(instanceId);
    return true;
  }

  #find(instanceId: string): Promise<InstanceRecord | undefined> {
    requireStorable(instanceId);
    return this.#engine.instances.read(instanceId);
  }

  async #send(instanceId: string, message: (order: string) => Message): Promise<void> {
    const record = await this.get(instanceId);
    if (hasEnded(record.status)) {
      throw new OrchestrationRequestError(410, `The instance '${instanceId}' has ended: ${record.status}.`);
    }
    await this.#engine.work.send(instanceId, message(this.#messageOrder()));
    this.#engine.wake(instanceId);
  }

  /** In the order of sending, on one host even within a millisecond. */
  #messageOrder(): string {
    this.#lastMessage = Math.max(Date.now() * 1000, this.#lastMessage + 1);
    return `${this.#lastMessage}.${randomUUID()}`;
  }
}

/** Characters that a table's keys must not have (Azure Tables, "Understanding the Table service data model"). */
// eslint-disable-next-line no-control-regex
const notStorable = /[/\\#?\u0000-\u001f\u007f-\u009f]/;
/** The longest key, in UTF-16 code units. */
const longestKey = 512;

/** Ids that an orchestration gave its children are not held to the rules for ids that callers choose. */
function requireStorable(id: string): void {
  if (id.length > longestKey || notStorable.test(id)) {
    throw new OrchestrationRequestError(
      400,
      `An instance id has at most ${longestKey} characters and none of / \\ # ? and control characters.`,
    );
  }
}

function requireInstanceId(id: string): void {
  if (id.length > 100 || id.startsWith('@') || notStorable.test(id)) {
    throw new OrchestrationRequestError(
      400,
      'An instance id has 1 to 100 characters, does not start with @ and has none of / \\ # ? and control characters.',
    );
  }
}

function alreadyThere(found: InstanceRecord | undefined): OrchestrationRequestError {
  const status = found?.status ?? 'Pending';
  return new OrchestrationRequestError(
    409,
    `An Orchestration instance with the status ${status} already exists.`,
  );
}
