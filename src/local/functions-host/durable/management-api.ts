import { answer, answerJson, readBody, type Exchange } from '../http/exchange.ts';
import type { InstanceFilter, InstanceStore } from './instance-store.ts';
import { hasEnded, type InstanceRecord } from './instance-record.ts';
import { managementUrls, type ManagementAddress } from './management-urls.ts';
import { OrchestrationRequestError, type OrchestrationClient } from './orchestration-client.ts';
import { statusJson } from './status-json.ts';

/** A page of a list, unless `top` says otherwise. */
const pageSize = 100;
const continuationHeader = 'x-ms-continuation-token';
const ended = ['Completed', 'Failed', 'Terminated'] as const;
/** What may be asked for; no instance ever has one of the last two. */
const statuses = ['Pending', 'Running', 'Suspended', ...ended, 'Canceled', 'ContinuedAsNew'] as const;

interface Call extends Exchange {
  readonly address: ManagementAddress;
}

/**
 * The HTTP API of the Durable extension (learn.microsoft.com/azure/azure-functions/durable, "HTTP API reference"), for
 * the public webhooks and for the app's own Durable client.
 */
export class ManagementApi {
  readonly #client: OrchestrationClient;
  readonly #instances: InstanceStore;
  readonly #address: ManagementAddress;
  readonly #bodyLimit: number;

  constructor(options: {
    client: OrchestrationClient;
    instances: InstanceStore;
    address: ManagementAddress;
    bodyLimit: number;
  }) {
    this.#client = options.client;
    this.#instances = options.instances;
    this.#address = options.address;
    this.#bodyLimit = options.bodyLimit;
  }

  /**
   * Answers a request.
   * @param path what follows the API's base
   * @param origin where others reach the API
   */
  async serve(path: readonly string[], exchange: Exchange, origin: string): Promise<void> {
    try {
      await this.#route(path.map(decodeURIComponent), { ...exchange, address: { ...this.#address, origin } });
    } catch (error) {
      if (error instanceof OrchestrationRequestError) {
        answerJson(exchange.response, error.status, { Message: error.message });
      } else if (error instanceof URIError || error instanceof SyntaxError) {
        answerJson(exchange.response, 400, { Message: error.message });
      } else throw error;
    }
  }

  async #route(path: readonly string[], call: Call): Promise<void> {
    const [kind = '', first, second, third, ...rest] = path.filter((segment) => segment !== '');
    const method = call.request.method ?? 'GET';
    const action = `${method} ${kind.toLowerCase()}`;
    if (rest.length > 0) answer(call.response, 404);
    else if (action === 'POST orchestrators' && first !== undefined) await this.#start(first, second, call);
    else if (kind.toLowerCase() === 'entities') {
      throw new OrchestrationRequestError(501, 'Entities are not supported by the local Functions host.');
    } else if (action === 'GET instances' && first === undefined) await this.#list(call);
    else if (action === 'DELETE instances' && first === undefined) await this.#purgeMany(call);
    else if (action === 'GET instances' && first !== undefined && second === undefined)
      await this.#status(first, call);
    else if (action === 'DELETE instances' && first !== undefined && second === undefined)
      await this.#purge(first, call);
    else if (action === 'POST instances' && first !== undefined && second !== undefined) {
      await this.#change(first, { verb: second, name: third }, call);
    } else answer(call.response, 404);
  }

  async #start(name: string, instanceId: string | undefined, call: Call): Promise<void> {
    const version = call.url.searchParams.get('version') ?? undefined;
    const id = await this.#client.start(name, await this.#json(call), instanceId, version);
    this.#accepted(id, call);
  }

  #accepted(id: string, { response, address }: Call): void {
    const urls = managementUrls(address, id);
    answerJson(response, 202, urls, { location: urls['statusQueryGetUri'] ?? '', 'retry-after': '10' });
  }

  async #status(instanceId: string, { url, response, address }: Call): Promise<void> {
    const record = await this.#client.get(instanceId);
    const asked = flags(url);
    const history = asked('showHistory', false) ? await this.#instances.history(record) : undefined;
    const body = statusJson(record, {
      showInput: asked('showInput', true),
      history,
      showHistoryOutput: asked('showHistoryOutput', false),
    });
    if (hasEnded(record.status)) {
      const fails = record.status === 'Failed' && asked('returnInternalServerErrorOnFailure', false);
      answerJson(response, fails ? 500 : 200, body);
      return;
    }
    const { statusQueryGetUri = '' } = managementUrls(address, instanceId);
    answerJson(response, 202, body, { location: statusQueryGetUri, 'retry-after': '10' });
  }

  async #list({ url, request, response }: Exchange): Promise<void> {
    const asked = flags(url);
    const top = Number(url.searchParams.get('top') ?? pageSize);
    if (!Number.isInteger(top) || top < 1) throw new OrchestrationRequestError(400, 'top must be 1 or more.');
    const given = request.headers[continuationHeader];
    const token = typeof given === 'string' && given !== '' && given !== 'null' ? given : undefined;
    const { records, next } = await this.#instances.page(filterOf(url), { size: Math.min(top, 1000), token });
    const bodies = records.map((record) => statusJson(record, { showInput: asked('showInput', true) }));
    answerJson(response, 200, bodies, next === undefined ? {} : { [continuationHeader]: next });
  }

  async #purge(instanceId: string, { response }: Exchange): Promise<void> {
    if (await this.#client.purge(instanceId)) answerJson(response, 200, { instancesDeleted: 1 });
    else answer(response, 404);
  }

  async #purgeMany({ url, response }: Exchange): Promise<void> {
    const filter = filterOf(url);
    const asked = filter.statuses;
    const purged = asked === undefined ? ended : ended.filter((status) => asked.includes(status));
    let instancesDeleted = 0;
    const found: InstanceRecord[] = [];
    // No status at all would mean any.
    if (purged.length > 0) {
      for await (const record of this.#instances.all({ ...filter, statuses: purged })) found.push(record);
    }
    for (const { instanceId } of found) if (await this.#client.purge(instanceId)) instancesDeleted++;
    if (instancesDeleted === 0) answer(response, 404);
    else answerJson(response, 200, { instancesDeleted });
  }

  async #change(
    instanceId: string,
    { verb, name }: { verb: string; name: string | undefined },
    call: Call,
  ): Promise<void> {
    const reason = call.url.searchParams.get('reason') ?? '';
    switch (verb.toLowerCase()) {
      case 'raiseevent':
        if (name === undefined) throw new OrchestrationRequestError(400, 'An event has a name.');
        await this.#client.raiseEvent(instanceId, name, await this.#json(call));
        answer(call.response, 202);
        break;
      case 'terminate':
      case 'suspend':
      case 'resume':
        await this.#client.control(
          instanceId,
          verb.toLowerCase() as 'terminate' | 'suspend' | 'resume',
          reason,
        );
        answer(call.response, 202);
        break;
      case 'restart': {
        const withNewId = flags(call.url)('restartWithNewInstanceId', true);
        this.#accepted(await this.#client.restart(instanceId, withNewId), call);
        break;
      }
      case 'rewind':
        throw new OrchestrationRequestError(501, 'Rewinding is not supported by the local Functions host.');
      default:
        answer(call.response, 404);
    }
  }

  /** The request's body, which must be JSON; null when there is none. */
  async #json({ request }: Exchange): Promise<string | null> {
    const text = (await readBody(request, this.#bodyLimit)).toString('utf8');
    if (text.trim() === '') return null;
    JSON.parse(text);
    return text;
  }
}

function flags(url: URL): (name: string, otherwise: boolean) => boolean {
  return (name, otherwise) => {
    const value = url.searchParams.get(name);
    return value === null || value === '' ? otherwise : value.toLowerCase() === 'true';
  };
}

function filterOf({ searchParams }: URL): InstanceFilter {
  const time = (name: string): Date | undefined => {
    const value = searchParams.get(name);
    if (value === null || value === '') return undefined;
    const date = new Date(value);
    if (Number.isNaN(date.getTime())) throw new OrchestrationRequestError(400, `${name} is no time.`);
    return date;
  };
  const asked = searchParams
    .getAll('runtimeStatus')
    .flatMap((text) => text.split(','))
    .filter((text) => text !== '')
    .map(statusOf);
  return {
    createdFrom: time('createdTimeFrom'),
    createdTo: time('createdTimeTo'),
    idPrefix: searchParams.get('instanceIdPrefix') ?? undefined,
    statuses: asked.length > 0 ? asked : undefined,
  };
}

function statusOf(text: string): (typeof statuses)[number] {
  const status = statuses.find((one) => one.toLowerCase() === text.trim().toLowerCase());
  if (status === undefined) throw new OrchestrationRequestError(400, `${text} is no runtimeStatus.`);
  return status;
}
