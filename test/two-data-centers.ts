import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ContainerClient } from '@azure/storage-blob';
import pino from 'pino';
import { createActivities, toOutcome, type Activities } from '../src/activities/activities.ts';
import type { Runs } from '../src/activities/claiming.ts';
import { Claims, claimsTable } from '../src/activities/claims.ts';
import { createDataCenter } from '../src/activities/data-center.ts';
import type { ActivitySettings, DataCenter, Dependencies } from '../src/activities/dependencies.ts';
import { mediaServiceConfig, type MediaServiceConfig } from '../src/config/media-service.ts';
import { startAzurite, type Azurite } from '../src/local/azurite.ts';
import { LocatorType, Permissions, type AssetId } from '../src/media-service/model.ts';
import { startMediaService, type MediaService } from '../src/media-service/service.ts';
import { storageClients } from '../src/media-service/store/storage-clients.ts';
import { createStore } from '../src/media-service/store/store.ts';
import { dataCenterKeys, type DataCenterKey } from '../src/streams/data-center.ts';
import type { Telemetry } from '../src/telemetry.ts';
import type { ActivityCall } from './orchestrations/replay-engine.ts';

const fixture = join(import.meta.dirname, 'fixtures/hello');
const client = { id: 'workflow', secret: 'the-workflows-secret' };

export interface RecordedEvent {
  readonly name: string;
  readonly level: 'event' | 'problem';
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Both data centers of a test: one storage emulator, two real media services, real clients; no encoder of its own. */
export class TwoDataCenters {
  readonly azurite: Azurite;
  readonly events: RecordedEvent[] = [];
  readonly dependencies: Dependencies;
  readonly activities: Activities;
  readonly #location: string;
  readonly #services = new Map<DataCenterKey, MediaService>();
  readonly #configs: Readonly<Record<DataCenterKey, MediaServiceConfig>>;
  #encoder: { readonly stopped: Promise<void>; stop(): void } | undefined;
  #encoderHangs = false;
  /** Told when the encoder rests. */
  #waiting: (() => void)[] = [];

  private constructor(
    azurite: Azurite,
    location: string,
    services: readonly (readonly [DataCenterKey, MediaService, MediaServiceConfig])[],
    settings: Partial<ActivitySettings>,
  ) {
    this.azurite = azurite;
    this.#location = location;
    const configs: Partial<Record<DataCenterKey, MediaServiceConfig>> = {};
    for (const [side, service, config] of services) {
      this.#services.set(side, service);
      configs[side] = { ...config, port: Number(new URL(service.url).port) };
    }
    this.#configs = configs as Record<DataCenterKey, MediaServiceConfig>;
    const telemetry: Telemetry = {
      event: (name, properties) => void this.events.push({ name, level: 'event', properties }),
      problem: (name, properties) => void this.events.push({ name, level: 'problem', properties }),
      flush: () => Promise.resolve(),
    };
    this.dependencies = {
      dataCenters: { a: this.#dataCenter('a'), b: this.#dataCenter('b') },
      claims: new Claims(
        claimsTable({ kind: 'key', connectionString: azurite.account('functions').connectionString }),
      ),
      telemetry,
      settings: {
        home: 'a',
        originLocatorDays: 3650,
        startStreamingEndpoints: true,
        allowPrivateInputUrls: false,
        inputMaxBytes: 2 ** 30,
        ...settings,
      },
    };
    this.activities = createActivities(this.dependencies);
  }

  static async start(settings: Partial<ActivitySettings> = {}): Promise<TwoDataCenters> {
    const location = await mkdtemp(join(tmpdir(), 'two-data-centers-'));
    const azurite = await startAzurite({
      location,
      accounts: { mediaa: undefined, mediab: undefined, functions: undefined },
    });
    const services = await Promise.all(
      dataCenterKeys.map(async (side) => {
        const config = mediaServiceConfig({
          MEDIA_SERVICE_ROLES: 'api',
          MEDIA_SERVICE_ACCOUNT: `media${side}`,
          MEDIA_SERVICE_CLIENT_ID: client.id,
          MEDIA_SERVICE_CLIENT_SECRET: client.secret,
          STORAGE_CONNECTION_STRING: azurite.account(`media${side}`).connectionString,
        });
        return [side, await startMediaService({ config, log: pino({ level: 'silent' }) }), config] as const;
      }),
    );
    return new TwoDataCenters(azurite, location, services, settings);
  }

  media(side: DataCenterKey): DataCenter['media'] {
    return this.dependencies.dataCenters[side].media;
  }

  mediaApi(side: DataCenterKey): string {
    return `http://127.0.0.1:${this.#configs[side].port}/api/`;
  }

  /** The settings of a workflow that drives these two. */
  workflowSettings(): Record<string, string> {
    return {
      DATA_CENTER_A_NAME: 'West',
      DATA_CENTER_A_MEDIA_API: this.mediaApi('a'),
      DATA_CENTER_A_TOKEN_URL: new URL('/oauth2/token', this.mediaApi('a')).href,
      DATA_CENTER_B_NAME: 'North',
      DATA_CENTER_B_MEDIA_API: this.mediaApi('b'),
      DATA_CENTER_B_TOKEN_URL: new URL('/oauth2/token', this.mediaApi('b')).href,
      HOME_DATA_CENTER: 'a',
      MEDIA_CLIENT_ID: client.id,
      MEDIA_CLIENT_SECRET: client.secret,
      AzureWebJobsStorage: this.azurite.account('functions').connectionString,
      FUNCTIONS_WORKER_RUNTIME: 'node',
    };
  }

  /** The secrets that nothing may show. */
  secrets(): string[] {
    return [
      client.secret,
      ...['mediaa', 'mediab', 'functions'].map((name) => this.azurite.account(name).key),
    ];
  }

  /** Performs an activity as the Function App does, for `ReplayEngine`. */
  perform(runs: Runs = noRuns): (call: ActivityCall) => Promise<unknown> {
    return async ({ name, input }) => {
      const activity = this.activities[name as keyof Activities] as (
        input: unknown,
        runs: Runs,
      ) => Promise<unknown>;
      return toOutcome(() => activity(input, runs));
    };
  }

  async stop(side: DataCenterKey): Promise<void> {
    await this.#services.get(side)?.close();
    this.#services.delete(side);
  }

  /** Brings a stopped media service back at its address. */
  async resume(side: DataCenterKey): Promise<void> {
    this.#services.set(
      side,
      await startMediaService({ config: this.#configs[side], log: pino({ level: 'silent' }) }),
    );
  }

  /** An asset with these files, as a client uploads them. */
  async upload(
    side: DataCenterKey,
    files: Readonly<Record<string, Uint8Array | string>>,
    asset: Parameters<DataCenter['media']['createAsset']>[0] = { name: 'upload' },
  ): Promise<AssetId> {
    const media = this.media(side);
    const { Id } = await media.createAsset(asset);
    const policy = await media.accessPolicy({
      name: 'test upload',
      durationInMinutes: 60,
      permissions: Permissions.Write,
    });
    const locator = await media.createLocator({
      type: LocatorType.Sas,
      accessPolicyId: policy.Id,
      assetId: Id,
      startTime: new Date(Date.now() - 300_000),
    });
    const container = new ContainerClient(locator.Path);
    for (const [name, content] of Object.entries(files)) await upload(container, name, content);
    await media.deleteLocator(locator.Id);
    await media.createFileInfos(Id);
    return Id;
  }

  /** The pre-encoded asset, published at a side as the workflow would. */
  async publishFixture(side: DataCenterKey, streamId: string): Promise<AssetId> {
    const files = Object.fromEntries(
      await Promise.all(
        (await readdir(fixture)).map(async (name) => [name, await readFile(join(fixture, name))] as const),
      ),
    );
    const assetId = await this.upload(side, files);
    const media = this.media(side);
    const manifest = (await media.files(assetId)).find(({ Name }) => Name.endsWith('.ism'))!;
    await media.updateFile(manifest.Id, { isPrimary: true });
    await media.updateAsset(assetId, {
      name: `${streamId} source=${side} revision=1`,
      alternateId: streamId,
    });
    return assetId;
  }

  /** An encoder that answers every job with the pre-encoded asset, or with what `judge` says of the input. */
  async startFixtureEncoder(
    side: DataCenterKey,
    judge: (input: string | undefined) => 'finish' | 'fail' | 'hang' = () => 'finish',
  ): Promise<void> {
    const store = createStore({
      clients: await storageClients(this.#configs[side].storage),
      publicBase: () => new URL('/', this.mediaApi(side)).href,
      log: pino({ level: 'silent' }),
    });
    let stopping = false;
    const stop = new AbortController();
    const run = async (): Promise<void> => {
      while (!stopping) {
        // Those that began to wait before this look: it sees the jobs that were there then.
        const waiting = this.#waiting;
        this.#waiting = [];
        const job = await store.encoding.take();
        if (job === undefined) {
          for (const resolve of waiting) resolve();
          await new Promise((resolve) => setTimeout(resolve, 50));
          continue;
        }
        this.#waiting.push(...waiting);
        await job.start();
        const verdict = judge(job.inputPrimaryFile);
        if (verdict === 'hang') {
          const ended = AbortSignal.any([job.cancelRequested, stop.signal]);
          this.#encoderHangs = true;
          for (const resolve of this.#waiting.splice(0)) resolve();
          if (!ended.aborted) await new Promise((resolve) => ended.addEventListener('abort', resolve));
          this.#encoderHangs = false;
          if (job.cancelRequested.aborted) await job.canceled();
        } else if (verdict === 'fail') {
          await job.fail({ Code: 'ErrorExecutingTaskMalformedContent', Message: 'The file is no video.' });
        } else {
          const encoded = [];
          for (const name of await readdir(fixture)) {
            const content = await readFile(join(fixture, name));
            await upload(job.output, name, content);
            const md5 = createHash('md5').update(content).digest('hex');
            encoded.push({ name, size: content.length, md5, mimeType: 'video/mp4' });
          }
          await job.finish(encoded);
        }
      }
    };
    this.#encoder = {
      stopped: run(),
      stop: () => {
        stopping = true;
        stop.abort();
      },
    };
  }

  /** Waits until the encoder has ended every job that is there by now, or hangs in one. */
  async encoderAtRest(): Promise<void> {
    if (!this.#encoderHangs) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Locators of an asset of a side, by kind. */
  async locatorsOf(side: DataCenterKey): Promise<{ readonly sas: number; readonly origin: string[] }> {
    const origin: string[] = [];
    let sas = 0;
    for await (const { Id } of this.media(side).assets()) {
      for (const locator of await this.media(side).locators(Id)) {
        if (locator.Type === LocatorType.Sas) sas += 1;
        else origin.push(locator.Id);
      }
    }
    return { sas, origin };
  }

  async close(): Promise<void> {
    this.#encoder?.stop();
    await this.#encoder?.stopped;
    await Promise.all([...this.#services.values()].map((service) => service.close()));
    await this.azurite.close();
    await rm(this.#location, { recursive: true, force: true });
  }

  #dataCenter(side: DataCenterKey): DataCenter {
    const mediaApi = this.mediaApi(side);
    return createDataCenter(
      {
        key: side,
        name: side === 'a' ? 'West' : 'North',
        mediaApi,
        tokenUrl: new URL('/oauth2/token', mediaApi).href,
      },
      {
        tenantId: undefined,
        clientId: client.id,
        clientSecret: client.secret,
        resource: 'https://rest.media.azure.net',
      },
    );
  }
}

const noRuns: Runs = { state: () => Promise.resolve({ kind: 'absent' }) };

async function upload(container: ContainerClient, name: string, content: Uint8Array | string): Promise<void> {
  const bytes = Buffer.from(content);
  await container.getBlockBlobClient(name).uploadData(bytes, {
    blobHTTPHeaders: {
      blobContentType: 'video/mp4',
      blobContentMD5: createHash('md5').update(bytes).digest(),
    },
  });
}
