import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MediaServicesError } from '../../src/media-services-client/errors.ts';
import type { AssetId } from '../../src/media-service/model.ts';
import { clientSecret, inTurn, startRecordedService, type RecordedService } from './recorded-service.ts';
import { assetGuid, lightAsset, lightError, verboseError } from './samples.ts';

const assetId = `nb:cid:UUID:${assetGuid}` as AssetId;
let service: RecordedService;
beforeEach(async () => {
  service = await startRecordedService();
  service.answer(() => ({ body: lightAsset }));
});
afterEach(() => service.close());

const failure = async (work: Promise<unknown>): Promise<MediaServicesError> => {
  const error: unknown = await work.then(
    () => new Error('nothing failed'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(MediaServicesError);
  return error as MediaServicesError;
};

test('every call carries the headers that the service requires', async () => {
  await service.client().createAsset({ name: 'film' });
  expect(service.calls[0]).toMatchObject({
    method: 'POST',
    path: '/api/Assets',
    headers: {
      authorization: 'Bearer token-1',
      accept: 'application/json',
      'content-type': 'application/json',
      dataserviceversion: '3.0',
      maxdataserviceversion: '3.0',
      'x-ms-version': '2.19',
    },
  });
  expect(service.calls[0]!.headers['x-ms-client-request-id']).toMatch(/^[0-9a-f-]{36}$/);
});

test('calls at the same moment share one token, asked for in the Entra v1 form, and one look for the base', async () => {
  const client = service.client();
  await Promise.all(Array.from({ length: 10 }, () => client.asset(assetId)));
  await client.asset(assetId);
  expect(service.calls).toHaveLength(11);
  expect(service.tokenRequests).toHaveLength(1);
  expect(service.baseRequests).toHaveLength(1);
  expect(service.tokenRequests[0]!.headers['content-type']).toContain('application/x-www-form-urlencoded');
  expect(Object.fromEntries(new URLSearchParams(service.tokenRequests[0]!.body))).toEqual({
    grant_type: 'client_credentials',
    client_id: 'the-client',
    client_secret: clientSecret,
    resource: 'https://rest.media.azure.net',
  });
});

test('a token is renewed shortly before it expires', async () => {
  const client = service.client();
  await client.asset(assetId);
  service.clock.now += 3000_000;
  await client.asset(assetId);
  expect(service.tokenRequests).toHaveLength(1);
  service.clock.now += 350_000;
  await client.asset(assetId);
  expect(service.tokenRequests).toHaveLength(2);
  expect(service.calls.map(({ headers }) => headers.authorization)).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2']); // prettier-ignore
});

test('a refused token is renewed once, for writes too; then the refusal is told', async () => {
  service.answer(({ headers }) =>
    headers.authorization === 'Bearer token-1' ? { status: 401 } : { body: lightAsset },
  );
  await service.client().createAsset({ name: 'film' });
  expect(service.calls.map(({ method }) => method)).toEqual(['POST', 'POST']);

  service.answer(() => ({ status: 401, body: lightError('The token is not for this account') }));
  service.calls.length = 0;
  const error = await failure(service.client().asset(assetId));
  expect(error).toMatchObject({ code: 'unauthorized', status: 401, retriable: false });
  expect(service.calls).toHaveLength(2);
});

test('what the token endpoint refuses is told without the secret; its hiccups are sat out', async () => {
  const refusal = {
    error: 'invalid_client',
    error_description: `AADSTS7000215: Invalid secret ${clientSecret}`,
  };
  service.answerTokens(() => ({ status: 401, body: refusal }));
  const error = await failure(service.client().asset(assetId));
  expect(error).toMatchObject({ code: 'token', status: 401, retriable: false, outcome: 'none' });
  expect(error.message).toContain('invalid_client, AADSTS7000215');
  expect(`${error.message} ${JSON.stringify(error)}`).not.toContain(clientSecret);

  service.answerTokens(inTurn({ status: 503 }, { fault: 'cut' }, undefined));
  await expect(service.client().createAsset({ name: 'film' })).resolves.toBeDefined();
  expect(service.calls).toHaveLength(1);
});

test('a token request that is aborted is told as cancelled', async () => {
  const controller = new AbortController();
  service.answerTokens(() => {
    controller.abort();
    return { fault: 'hang' };
  });
  const error = await failure(service.client({ signal: controller.signal }).asset(assetId));
  expect(error).toMatchObject({ code: 'canceled', retriable: false });
});

test('incomplete credentials are told when the client is made', () => {
  const credentials = { tenantId: undefined, clientId: 'x', clientSecret: undefined, resource: 'https://x' };
  expect(() => service.client({ credentials })).toThrow(
    expect.objectContaining({ code: 'configuration' }) as Error,
  );
  expect(() =>
    service.client({ tokenUrl: undefined, credentials: { ...credentials, clientSecret: 'y' } }),
  ).toThrow(/tenant/);
});

test('an API that has moved is found by a read; writes go to the new base only, until the token expires', async () => {
  service.answerBase(({ path }) =>
    path === '/api/' ? { status: 301, headers: { location: `${service.url}/moved/` } } : undefined,
  );
  const client = service.client();
  await client.createAsset({ name: 'film' });
  await client.asset(assetId);
  expect(service.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /moved/Assets',
    `GET /moved/Assets('${assetId}')`,
  ]);
  expect(service.baseRequests.map(({ path }) => path)).toEqual(['/api/', '/moved/']);
  service.clock.now += 3600_000;
  await client.asset(assetId);
  expect(service.baseRequests).toHaveLength(4);
});

test('an API that moves in the middle is found again, and the write made there', async () => {
  let moved = false;
  service.answerBase(({ path }) =>
    moved && path === '/api/' ? { status: 301, headers: { location: '/moved/' } } : undefined,
  );
  service.answer(({ path }) =>
    moved && path.startsWith('/api/')
      ? { status: 301, headers: { location: `${service.url}${path.replace('api', 'wrong')}` } }
      : { body: lightAsset },
  );
  const client = service.client();
  await client.asset(assetId);
  moved = true;
  await client.createAsset({ name: 'film' });
  expect(service.calls.slice(1).map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /api/Assets',
    'POST /moved/Assets',
  ]);
});

test('an API that always moves is given up', async () => {
  service.answerBase(() => ({ status: 301, headers: { location: '/api/' } }));
  expect(await failure(service.client().asset(assetId))).toMatchObject({
    code: 'redirected',
    retriable: false,
  });
});

test.each([408, 429, 500, 502, 503, 504])(
  'a read answered with %i is repeated four times at growing intervals',
  async (status) => {
    service.answer(inTurn({ status }, { status }, { status }, { status }, { body: lightAsset }));
    await expect(service.client().asset(assetId)).resolves.toBeDefined();
    expect(service.waits).toEqual([375, 750, 1500, 3000]);
    service.answer(() => ({ status, body: verboseError('Server is busy') }));
    const error = await failure(service.client().asset(assetId));
    expect(error).toMatchObject({ status, retriable: true, outcome: 'none' });
    expect(error.message).toMatch(/GET Assets\('nb:cid:UUID:.*Server is busy/);
    expect(service.calls).toHaveLength(10);
  },
);

test.each([408, 429, 503])('a write answered with %i has not taken and is repeated', async (status) => {
  service.answer(inTurn({ status }, { body: lightAsset }));
  await expect(service.client().createAsset({ name: 'film' })).resolves.toBeDefined();
  expect(service.calls).toHaveLength(2);
});

test.each([[500], [502], [504]])(
  'a write answered with %i may have taken: told, not repeated',
  async (status) => {
    service.answer(() => ({ status }));
    const error = await failure(service.client().createAsset({ name: 'film' }));
    expect(error).toMatchObject({ status, retriable: true, outcome: 'unknown', code: 'unavailable' });
    expect(service.calls).toHaveLength(1);
  },
);

test.each([
  [400, 'bad-request'],
  [403, 'forbidden'],
  [409, 'conflict'],
])('%i is final', async (status, code) => {
  service.answer(() => ({ status, body: lightError('No.') }));
  expect(await failure(service.client().createAsset({ name: 'film' }))).toMatchObject({
    code,
    status,
    retriable: false,
    outcome: 'none',
  });
  expect(service.calls).toHaveLength(1);
});

test('Retry-After is honoured, in seconds and as a date; a long one is handed to the caller', async () => {
  const inTenSeconds = (): string =>
    new Date(Math.ceil(service.clock.now / 1000) * 1000 + 10_000).toUTCString();
  service.answer(
    inTurn(
      { status: 429, headers: { 'retry-after': '7' } },
      { status: 503, headers: { 'retry-after': inTenSeconds() } },
      { body: lightAsset },
    ),
  );
  await service.client().asset(assetId);
  expect(service.waits[0]).toBe(7000);
  expect(service.waits[1]).toBeGreaterThan(2000);
  expect(service.waits[1]).toBeLessThanOrEqual(11_000);

  service.answer(() => ({ status: 503, headers: { 'retry-after': '900' } }));
  expect(await failure(service.client().asset(assetId))).toMatchObject({
    code: 'throttled',
    retriable: true,
    retryAfter: 900_000,
  });
});

test('a broken connection is repeated for a read; for a write it is told as unknown', async () => {
  service.answer(inTurn({ fault: 'cut' }, { fault: 'cut' }, { body: lightAsset }));
  await expect(service.client().asset(assetId)).resolves.toBeDefined();
  service.answer(() => ({ fault: 'cut' }));
  expect(await failure(service.client().createAsset({ name: 'film' }))).toMatchObject({
    code: 'network',
    retriable: true,
    outcome: 'unknown',
  });
  expect(service.calls).toHaveLength(4);
});

test('a write that could not be sent has not taken and is repeated', async () => {
  const gone = await startRecordedService();
  await gone.close();
  const client = service.client({ mediaApi: `${gone.url}/api/` });
  const error = await failure(client.createAsset({ name: 'film' }));
  expect(error).toMatchObject({ code: 'network', retriable: true, outcome: 'none' });
  expect(error.message).toContain('ECONNREFUSED');
  expect(service.waits).toHaveLength(4);
});

test('a service that does not answer is given up in time', async () => {
  service.answer(() => ({ fault: 'hang' }));
  const client = service.client({ timeLimit: 150 });
  expect(await failure(client.createAsset({ name: 'film' }))).toMatchObject({
    code: 'timeout',
    retriable: true,
    outcome: 'unknown',
  });
});

test('a client that is not to try again asks once, for calls and for tokens', async () => {
  service.answer(() => ({ status: 503 }));
  const client = service.client({ retries: 0 });
  expect(await failure(client.asset(assetId))).toMatchObject({ code: 'throttled', retriable: true });
  expect(service.waits).toEqual([]);

  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const begun = performance.now();
  const hanging = service.client({ tokenUrl: `http://127.0.0.1:${port}/`, retries: 0, timeLimit: 150 });
  expect(await failure(hanging.asset(assetId))).toMatchObject({ code: 'token', retriable: true });
  expect(performance.now() - begun).toBeLessThan(10_000);
  silent.closeAllConnections();
  silent.close();
});

test('an aborted signal ends a call, and is no reason to repeat it', async () => {
  const controller = new AbortController();
  service.answer(() => {
    controller.abort();
    return { fault: 'hang' };
  });
  const client = service.client({ signal: controller.signal });
  expect(await failure(client.asset(assetId))).toMatchObject({ code: 'canceled', retriable: false });
  expect(service.calls).toHaveLength(1);
});

test('what the service quotes of a request is told without signatures and tokens', async () => {
  const quoted = 'Bad url https://a/b?sv=1&sig=abc%2Fdef&se=2, Bearer eyJ0.abc.def, {"access_token":"xyz"}';
  service.answer(() => ({ status: 400, body: lightError(quoted) }));
  const { message } = await failure(service.client().createAsset({ name: 'film' }));
  expect(message).toContain('Bad url https://a/b?sv=1&sig=(removed)&se=2');
  expect(message).not.toMatch(/abc|def|eyJ0|xyz/);
});
