import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino, { type Logger } from 'pino';
import { mediaServiceConfig } from '../../src/config/media-service.ts';
import { startAzurite, type Azurite } from '../../src/local/azurite.ts';
import { startMediaService, type MediaService } from '../../src/media-service/service.ts';

export const clientId = 'walkthrough';
export const clientSecret = 'a secret + with / signs & 100%';

/** A media service of a test: real storage, real HTTP, no encoder unless asked for. */
export interface RunningService {
  readonly azurite: Azurite;
  readonly service: MediaService;
  /** With a slash at its end. */
  readonly api: string;
  readonly log: readonly Readonly<Record<string, unknown>>[];
  close(): Promise<void>;
}

export async function startAzuriteIn(accounts: readonly string[]): Promise<Azurite> {
  const location = await mkdtemp(join(tmpdir(), 'media-service-test-'));
  const azurite = await startAzurite({
    location,
    accounts: Object.fromEntries(accounts.map((name) => [name, undefined])),
  });
  return {
    ...azurite,
    async close() {
      await azurite.close();
      await rm(location, { recursive: true, force: true });
    },
  };
}

export async function startService(settings: Readonly<Record<string, string>> = {}): Promise<RunningService> {
  const azurite = await startAzuriteIn(['mediaa']);
  const lines: Readonly<Record<string, unknown>>[] = [];
  const service = await startMediaService({
    config: mediaServiceConfig({
      MEDIA_SERVICE_ROLES: 'api',
      MEDIA_SERVICE_ACCOUNT: 'mediaa',
      MEDIA_SERVICE_CLIENT_ID: clientId,
      MEDIA_SERVICE_CLIENT_SECRET: clientSecret,
      STORAGE_CONNECTION_STRING: azurite.account('mediaa').connectionString,
      ...settings,
    }),
    log: memoryLog(lines),
  });
  return {
    azurite,
    service,
    api: `${service.url}/api/`,
    log: lines,
    async close() {
      await service.close();
      await azurite.close();
    },
  };
}

export function memoryLog(lines: Readonly<Record<string, unknown>>[]): Logger {
  return pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
}

/** An answer of the API with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON. */
  readonly json: Json;
}

export type Json = Readonly<Record<string, unknown>>;

/** A client of the API as the tests write requests: nothing is hidden, every header can be overridden. */
export class TestClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(base: string, headers: Readonly<Record<string, string>>) {
    this.#base = base;
    this.#headers = headers;
  }

  /** A client with a token; light JSON unless told. */
  static async create(
    service: { readonly service: MediaService },
    headers: Readonly<Record<string, string>> = {},
  ): Promise<TestClient> {
    const token = await entraToken(service.service.url);
    return new TestClient(`${service.service.url}/api/`, {
      Authorization: `Bearer ${token}`,
      Accept: 'application/json',
      'x-ms-version': '2.19',
      DataServiceVersion: '3.0',
      MaxDataServiceVersion: '3.0',
      ...headers,
    });
  }

  with(headers: Readonly<Record<string, string>>): TestClient {
    return new TestClient(this.#base, { ...this.#headers, ...headers });
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(/^https?:/.test(path) ? path : this.#base + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...this.#headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      redirect: 'manual',
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson ? (JSON.parse(text) as Json) : {},
    };
  }

  get(path: string): Promise<Answer> {
    return this.call('GET', path);
  }

  /** POST that must make an entity; answers it. */
  async make(set: string, body: object): Promise<Json> {
    const answer = await this.call('POST', set, body);
    if (answer.status !== 201) throw new Error(`POST ${set}: ${answer.status} ${answer.text}`);
    return answer.json;
  }

  /** The entities of one page. */
  async list(path: string): Promise<Json[]> {
    const answer = await this.get(path);
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
    return answer.json['value'] as Json[];
  }
}

export async function entraToken(url: string): Promise<string> {
  const response = await fetch(`${url}/some-tenant/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: clientSecret,
      resource: 'https://rest.media.azure.net',
    }),
  });
  const { access_token: token } = (await response.json()) as { access_token: string };
  return token;
}

/** The path of an entity by its id, percent-encoded as real clients do. */
export function at(set: string, id: unknown): string {
  return `${set}('${encodeURIComponent(String(id))}')`;
}
