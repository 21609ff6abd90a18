import {
  guidOf,
  JobState,
  type AccessPolicy,
  type Asset,
  type AssetId,
  type Job,
  type JobId,
  type Locator,
  type LocatorId,
  type MediaProcessor,
  type OperationId,
  type StreamingEndpoint,
  type StreamingEndpointId,
} from '../media-service/model.ts';
import { Connection } from './connection.ts';
import * as entities from './entities.ts';
import { EntityRequests, mayHaveTaken } from './entity-requests.ts';
import { MediaServicesError } from './errors.ts';
import { jobBody } from './job-body.ts';
import type { MediaServices, NewJob, NewLocator } from './media-services.ts';
import { entityPath, literal, query } from './odata.ts';
import { retries, systemClock, type Clock } from './retry.ts';
import { TokenCache, tokenIssuer, type Credentials } from './tokens.ts';

export interface MediaServicesConfig {
  /** Base URL of the v2 REST API, with a slash at its end. */
  readonly mediaApi: string;
  /** The service's own token endpoint; absent: Microsoft Entra or the managed identity. */
  readonly tokenUrl: string | undefined;
  readonly credentials: Credentials;
  /** Milliseconds that one request may take, its body included; 60 s when absent. Getting a token takes no longer. */
  readonly timeLimit?: number;
  /** How often a call is repeated that may succeed later; 4 times when absent. */
  readonly retries?: number;
  /** Ends every request, and every wait, when it is aborted. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  /** 0 to 1, as Math.random. */
  readonly random?: () => number;
}

/**
 * The client of one data center's media service.
 * @throws MediaServicesError code `configuration`
 */
export function createMediaServices(config: MediaServicesConfig): MediaServices {
  const clock = config.clock ?? systemClock;
  const timeLimit = config.timeLimit ?? 60_000;
  const connection = new Connection({
    mediaApi: config.mediaApi,
    tokens: new TokenCache(tokenIssuer(config, clock), clock, { timeLimit, signal: config.signal }),
    clock,
    random: config.random ?? Math.random,
    timeLimit,
    retries: config.retries ?? retries,
    signal: config.signal,
  });
  return new RestMediaServices(new EntityRequests(connection), clock);
}

/** Milliseconds; a streaming endpoint starts within minutes. */
const longestStart = 15 * 60_000;
const endedStates: readonly JobState[] = [JobState.Finished, JobState.Error, JobState.Canceled];

class RestMediaServices implements MediaServices {
  readonly #requests: EntityRequests;
  readonly #clock: Clock;

  constructor(requests: EntityRequests, clock: Clock) {
    this.#requests = requests;
    this.#clock = clock;
  }

  async createAsset(given: Parameters<MediaServices['createAsset']>[0]): Promise<Asset> {
    return this.#requests.create('Assets', entities.asset, {
      Name: given.name,
      ...(given.alternateId === undefined ? {} : { AlternateId: given.alternateId }),
      Options: given.options ?? 0,
    });
  }

  async asset(id: AssetId): Promise<Asset | undefined> {
    return this.#requests.find(entityPath('Assets', id), entities.asset);
  }

  async assetsByAlternateId(alternateId: string): Promise<readonly Asset[]> {
    return (await this.#requests.all(byText('Assets', 'AlternateId', alternateId), entities.asset)).sort(
      oldestFirst,
    );
  }

  assets(filter?: string): AsyncIterable<Asset> {
    return this.#requests.list(query('Assets', { $filter: filter }), entities.asset);
  }

  async updateAsset(id: AssetId, change: { name?: string; alternateId?: string }): Promise<void> {
    const body = defined({ Name: change.name, AlternateId: change.alternateId });
    await this.#requests.update(entityPath('Assets', id), body);
  }

  async deleteAsset(id: AssetId): Promise<void> {
    await this.#requests.delete(entityPath('Assets', id));
  }

  async files(assetId: AssetId): ReturnType<MediaServices['files']> {
    return this.#requests.all(`${entityPath('Assets', assetId)}/Files`, entities.assetFile);
  }

  async updateFile(...[id, change]: Parameters<MediaServices['updateFile']>): Promise<void> {
    await this.#requests.update(entityPath('Files', id), { IsPrimary: change.isPrimary });
  }

  async createFileInfos(assetId: AssetId): Promise<void> {
    await this.#requests.send({
      method: 'GET',
      path: query('CreateFileInfos', { assetid: literal(assetId) }),
      write: true,
    });
  }

  async accessPolicy(wanted: Parameters<MediaServices['accessPolicy']>[0]): Promise<AccessPolicy> {
    const find = async (): Promise<AccessPolicy | undefined> =>
      (await this.#requests.all(byText('AccessPolicies', 'Name', wanted.name), entities.accessPolicy))
        .filter(
          (policy) =>
            policy.DurationInMinutes === wanted.durationInMinutes &&
            policy.Permissions === wanted.permissions,
        )
        .sort(oldestFirst)[0];
    const existing = await find();
    if (existing !== undefined) return existing;
    const made = await this.#requests
      .create('AccessPolicies', entities.accessPolicy, {
        Name: wanted.name,
        DurationInMinutes: wanted.durationInMinutes,
        Permissions: wanted.permissions,
      })
      .catch((error: unknown) => {
        if (!mayHaveTaken(error)) throw error;
        return undefined;
      });
    // Looked for again: another run may have made one at the same moment, and all are to use the same.
    const chosen = (await find()) ?? made;
    if (chosen !== undefined) return chosen;
    throw new MediaServicesError({
      code: 'unavailable',
      message: 'The access policy could not be made',
      retriable: true,
    });
  }

  async createLocator(wanted: NewLocator): Promise<Locator> {
    const body = defined({
      Id: wanted.id,
      Name: wanted.name,
      Type: wanted.type,
      AccessPolicyId: wanted.accessPolicyId,
      AssetId: wanted.assetId,
      StartTime: wanted.startTime.toISOString(),
    });
    const { id } = wanted;
    if (id === undefined) return this.#requests.create('Locators', entities.locator, body);
    // The id is known, so that a lost answer can be looked for.
    try {
      return await this.#requests.create('Locators', entities.locator, body);
    } catch (error) {
      const found = mayHaveTaken(error) ? await this.locator(id) : undefined;
      if (found === undefined) throw error;
      return found;
    }
  }

  async locator(id: LocatorId): Promise<Locator | undefined> {
    return this.#requests.find(entityPath('Locators', id), entities.locator);
  }

  async locators(assetId: AssetId): Promise<readonly Locator[]> {
    return this.#requests.all(`${entityPath('Assets', assetId)}/Locators`, entities.locator);
  }

  async deleteLocator(id: LocatorId): Promise<void> {
    await this.#requests.delete(entityPath('Locators', id));
  }

  async mediaProcessor(name: string): Promise<MediaProcessor> {
    const found = await this.#requests.all(byText('MediaProcessors', 'Name', name), entities.mediaProcessor);
    const highest = found.sort((one, other) => compareVersions(other.Version, one.Version))[0];
    if (highest !== undefined) return highest;
    const message = `There is no media processor named "${name}"`;
    throw new MediaServicesError({ code: 'not-found', message, retriable: false });
  }

  async createJob(wanted: NewJob): Promise<Job> {
    return this.#requests.create('Jobs', entities.job, (base) => jobBody(wanted, base), true);
  }

  async job(id: JobId): Promise<Job | undefined> {
    return this.#requests.find(entityPath('Jobs', id), entities.job);
  }

  async jobsByName(name: string): Promise<readonly Job[]> {
    return (await this.#requests.all(byText('Jobs', 'Name', name), entities.job)).sort(oldestFirst);
  }

  async tasks(jobId: JobId): ReturnType<MediaServices['tasks']> {
    return this.#requests.all(`${entityPath('Jobs', jobId)}/Tasks`, entities.task);
  }

  async outputAssets(jobId: JobId): Promise<readonly Asset[]> {
    return this.#requests.all(`${entityPath('Jobs', jobId)}/OutputMediaAssets`, entities.asset);
  }

  async cancelJob(id: JobId): Promise<void> {
    const settled = async (): Promise<boolean> => {
      const state = (await this.job(id))?.State;
      return state !== undefined && (state === JobState.Canceling || endedStates.includes(state));
    };
    const path = query('CancelJob', { jobid: literal(id) });
    try {
      await this.#requests.write({ method: 'GET', path, write: true }, settled);
    } catch (error) {
      // 400 is how the service says that the job has ended already.
      if (!(error instanceof MediaServicesError) || error.status !== 400 || !(await settled())) throw error;
    }
  }

  async streamingEndpoints(): Promise<readonly StreamingEndpoint[]> {
    return this.#requests.all('StreamingEndpoints', entities.streamingEndpoint);
  }

  async startStreamingEndpoint(id: StreamingEndpointId): Promise<void> {
    const path = entityPath('StreamingEndpoints', id);
    const endpoint = await this.#requests.find(path, entities.streamingEndpoint);
    if (endpoint?.State === 'Running') return;
    let operation: string | null = null;
    if (endpoint?.State !== 'Starting') {
      const started = await this.#requests.write({ method: 'POST', path: `${path}/Start` }, async () => {
        const state = (await this.#requests.find(path, entities.streamingEndpoint))?.State;
        return state === 'Starting' || state === 'Running';
      });
      operation = started?.headers.get('operation-id') ?? null;
    }
    const giveUp = this.#clock.now() + longestStart;
    for (let look = 0; this.#clock.now() < giveUp; look += 1) {
      if (operation !== null && (await this.#operationSucceeded(operation as OperationId))) return;
      if (
        operation === null &&
        (await this.#requests.find(path, entities.streamingEndpoint))?.State === 'Running'
      )
        return;
      await this.#requests.pause(Math.min(look, retries));
    }
    throw new MediaServicesError({
      code: 'timeout',
      message: `The streaming endpoint ${guidOf(id)} was not running after ${longestStart / 60_000} minutes`,
      retriable: true,
    });
  }

  async #operationSucceeded(id: OperationId): Promise<boolean> {
    const operation = await this.#requests.find(entityPath('Operations', id), entities.operation);
    if (operation?.State !== 'Failed') return operation?.State === 'Succeeded';
    throw new MediaServicesError({
      code: 'operation-failed',
      message: `The operation failed: ${[operation.ErrorCode, operation.ErrorMessage].filter((part) => part !== null).join(': ')}`,
      retriable: true,
    });
  }
}

function byText(set: string, property: string, value: string): string {
  return query(set, { $filter: `${property} eq ${literal(value)}` });
}

function defined(properties: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined));
}

function oldestFirst(
  one: { readonly Created: Date; readonly Id: string },
  other: { readonly Created: Date; readonly Id: string },
): number {
  return one.Created.getTime() - other.Created.getTime() || (one.Id < other.Id ? -1 : 1);
}

/** Part by part as numbers: 1.10 is above 1.9. */
function compareVersions(one: string, other: string): number {
  const [left, right] = [one, other].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let part = 0; part < Math.max(left.length, right.length); part += 1) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
