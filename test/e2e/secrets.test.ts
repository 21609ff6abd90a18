/** No secret stands where it may be read later: durable state, answers, logs (check 7). */
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { AzureNamedKeyCredential, TableClient, TableServiceClient } from '@azure/data-tables';
import { QueueServiceClient } from '@azure/storage-queue';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { publishedStack } from './published-stack.ts';
import { ended, upload } from './publishing.ts';

const published = publishedStack('secrets');
let secrets: ReadonlyMap<string, string>;
/** Every answer seen: status, headers and body. */
const answers: string[] = [];

beforeAll(async () => {
  const { stack, report } = published;
  const { functions, dataCenters, edge } = await stack.file();
  const key = { 'x-functions-key': functions!.key };

  async function ask(url: string, request: RequestInit = {}): Promise<{ status: number; body: string }> {
    const response = await fetch(url, request);
    const body = await response.text();
    answers.push(JSON.stringify([url, response.status, [...response.headers], body]));
    return { status: response.status, body };
  }
  const api = (path: string, body?: unknown): ReturnType<typeof ask> =>
    ask(`${functions!.url}${path}`, {
      headers: key,
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    });

  // A run that fails writes other things than one that succeeds.
  const assetId = await upload(stack, 'text.mp4', Buffer.from('text'));
  const submitted = await api('/api/streams', { streamId: 'text', input: { assetId } });
  expect(submitted.status).toBe(202);
  const { operationId } = JSON.parse(submitted.body) as { operationId: string };
  expect(await ended(stack, operationId)).toMatchObject({ status: 'failed' });

  for (const path of [
    `/api/operations/${report.operationId}`,
    `/api/operations/${operationId}`,
    '/api/streams',
    `/api/streams/${report.streamId}`,
    '/api/health',
    '/api/openapi.json',
    '/runtime/webhooks/durabletask/instances?showInput=true',
    ...[report.operationId, operationId].map(
      (id) => `/runtime/webhooks/durabletask/instances/${id}?showHistory=true&showHistoryOutput=true`,
    ),
  ]) {
    expect((await api(path)).status, path).toBe(200);
  }
  // Refusals quote what they refuse.
  const inUrl = { url: `http://10.0.0.1/film.mp4?code=${functions!.key}` };
  expect((await api('/api/streams', { streamId: 'private', input: inUrl })).status).toBe(422);
  expect((await api('/api/streams', { streamId: report.streamId, input: { assetId } })).status).toBe(409);
  expect(
    (await ask(`${functions!.url}/api/streams`, { headers: { 'x-functions-key': 'wrong' } })).status,
  ).toBe(401);
  for (const { mediaApi, tokenUrl, clientId, clientSecret } of [dataCenters.a, dataCenters.b]) {
    const token = async (secret: string): Promise<Response> =>
      await fetch(tokenUrl, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_id: clientId,
          client_secret: secret,
          resource: 'https://rest.media.azure.net',
        }),
      });
    answers.push(await (await token(`${clientSecret}x`)).text());
    const { access_token } = (await (await token(clientSecret)).json()) as { access_token: string };
    const headers = { authorization: `Bearer ${access_token}`, 'x-ms-version': '2.19' };
    // Locators are missing here: to give SAS URLs is what they are for.
    for (const set of ['Assets', 'Files', 'AccessPolicies', 'Jobs', 'StreamingEndpoints']) {
      expect((await ask(`${mediaApi}${set}`, { headers })).status, set).toBe(200);
    }
    expect(
      (await ask(`${mediaApi}Assets`, { headers: { authorization: `Bearer ${access_token}x` } })).status,
    ).toBe(401);
  }
  for (const url of [...Object.values(report.urls.a), ...Object.values(report.urls.b), report.edge.hls]) {
    expect((await ask(url)).status).toBe(200);
    expect((await ask(url.replace('clip.ism', 'none.ism'))).status).toBe(404);
  }
  await ask(`${edge.url}/`);
  secrets = await secretsOf();
});

/** Every secret of this stack, and forms in which it could stand somewhere. */
async function secretsOf(): Promise<Map<string, string>> {
  const settings = JSON.parse(await readFile(join(published.dataDirectory, 'settings.json'), 'utf8')) as {
    secrets: { storageKeys: Record<string, string>; clientSecret: string; functionsKey: string };
  };
  const { storageKeys, clientSecret, functionsKey } = settings.secrets;
  const control = JSON.parse(await readFile(join(published.dataDirectory, 'control.json'), 'utf8')) as {
    token: string;
  };
  const named = [
    ...Object.entries(storageKeys).map(([account, key]) => [`storage key of ${account}`, key] as const),
    ['client secret', clientSecret] as const,
    ['function key', functionsKey] as const,
    ['control token', control.token] as const,
  ];
  return new Map(
    named.flatMap(([name, secret]) =>
      [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)].map(
        (form) => [form, name] as const,
      ),
    ),
  );
}

/** Which secrets stand in a text. */
function found(text: string): string[] {
  const names = [...secrets].filter(([secret]) => text.includes(secret)).map(([, name]) => name);
  if (/[?&]sig=[^&\s"']/i.test(text) || /sig(%3D|\\u003d)/i.test(text)) names.push('SAS signature');
  // RFC 7519: a token's header begins {"…
  if (/\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/.test(text)) names.push('token');
  return [...new Set(names)];
}

interface Account {
  readonly name: string;
  readonly key: string;
  readonly blobUrl: string;
  readonly queueUrl: string;
  readonly tableUrl: string;
}

async function accounts(): Promise<Account[]> {
  const { dataCenters } = await published.stack.file();
  const settings = JSON.parse(await readFile(join(published.dataDirectory, 'settings.json'), 'utf8')) as {
    secrets: { storageKeys: { functions: string } };
  };
  const media = [dataCenters.a, dataCenters.b].map(({ storage: { account, ...rest } }) => ({
    name: account,
    ...rest,
  }));
  const { blobUrl, queueUrl, tableUrl } = media[0]!;
  const own = (url: string): string => url.replace(/mediaa$/, 'functions');
  return [
    ...media,
    {
      name: 'functions',
      key: settings.secrets.storageKeys.functions,
      blobUrl: own(blobUrl),
      queueUrl: own(queueUrl),
      tableUrl: own(tableUrl),
    },
  ];
}

test('the search finds what it looks for', () => {
  const [secret] = secrets.keys();
  expect(found(`x ${secret!} y`)).not.toEqual([]);
  expect(found('http://x/y?sv=1&sig=abc')).toEqual(['SAS signature']);
  expect(found('eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4In0abc.c2lnbmF0dXJl')).toEqual(['token']);
});

test('no secret in any table', async () => {
  let entities = 0;
  for (const { name, key, tableUrl } of await accounts()) {
    const credential = new AzureNamedKeyCredential(name, key);
    const options = { allowInsecureConnection: true };
    for await (const table of new TableServiceClient(tableUrl, credential, options).listTables()) {
      for await (const entity of new TableClient(tableUrl, table.name!, credential, options).listEntities()) {
        entities++;
        expect(
          found(JSON.stringify(entity, plain)),
          `${name}/${table.name!}: ${String(entity.rowKey)}`,
        ).toEqual([]);
      }
    }
  }
  expect(entities).toBeGreaterThan(50);
});

test('no secret in any blob that is not media, nor in the metadata of any', async () => {
  let blobs = 0;
  for (const { name, key, blobUrl } of await accounts()) {
    const service = new BlobServiceClient(blobUrl, new StorageSharedKeyCredential(name, key));
    for await (const { name: containerName } of service.listContainers()) {
      const container = service.getContainerClient(containerName);
      for await (const blob of container.listBlobsFlat({ includeMetadata: true })) {
        blobs++;
        const where = `${name}/${containerName}/${blob.name}`;
        expect(found(JSON.stringify([blob.metadata, blob.name])), where).toEqual([]);
        if (/\.(mp4|cmfv|cmfa)$/.test(blob.name)) continue;
        const content = await container.getBlobClient(blob.name).downloadToBuffer();
        expect(found(textOf(content)), where).toEqual([]);
      }
    }
  }
  expect(blobs).toBeGreaterThan(5);
});

test('no secret in any queue', async () => {
  for (const { name, key, queueUrl } of await accounts()) {
    const service = new QueueServiceClient(queueUrl, new StorageSharedKeyCredential(name, key));
    for await (const queue of service.listQueues()) {
      const { peekedMessageItems } = await service
        .getQueueClient(queue.name)
        .peekMessages({ numberOfMessages: 32 });
      for (const { messageText } of peekedMessageItems) {
        const decoded = Buffer.from(messageText, 'base64').toString('utf8');
        expect([...found(messageText), ...found(decoded)], queue.name).toEqual([]);
      }
    }
  }
});

test('no secret in any answer, nor in what the stack prints', () => {
  expect(answers.length).toBeGreaterThan(40);
  for (const answer of answers) expect(found(answer), answer).toEqual([]);
  expect(found(published.stack.output())).toEqual([]);
});

test('no secret in any log', async () => {
  const logs = await readdir(join(published.dataDirectory, 'logs'));
  expect(logs).toEqual(expect.arrayContaining(['functions-host.log', 'media-service-a.log', 'edge.log']));
  for (const log of logs) {
    expect(found(await readFile(join(published.dataDirectory, 'logs', log), 'utf8')), log).toEqual([]);
  }
});

/** Int64 columns come as BigInt. */
function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** A blob's text; durable state may be compressed. */
function textOf(content: Buffer): string {
  const isGzip = content[0] === 0x1f && content[1] === 0x8b;
  return (isGzip ? gunzipSync(content) : content).toString('utf8');
}
