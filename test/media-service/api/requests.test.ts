import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  at,
  clientId,
  clientSecret,
  entraToken,
  startService,
  TestClient,
  type RunningService,
} from '../running-service.ts';

let running: RunningService;
let client: TestClient;

beforeAll(async () => {
  running = await startService();
  client = await TestClient.create(running);
});
afterAll(() => running.close());

describe('what real clients send is understood', () => {
  test('paths in every spelling', async () => {
    const asset = await client.make('Assets', { Name: 'x' });
    const id = String(asset['Id']);
    const encoded = encodeURIComponent(id);
    for (const path of [
      `/API/Assets('${encoded}')`,
      `/api/Assets('${id}')`,
      `/api//Assets('${encoded}')`,
      `/API%2FAssets%28%27${encoded}%27%29`,
      `/api/Assets('${id.slice(-36).toUpperCase()}')`,
    ]) {
      const answer = await client.get(running.service.url + path);
      expect([path, answer.status, answer.json['Id']]).toEqual([path, 200, id]);
    }
    expect((await client.get('Assets()')).status).toBe(200);
  });

  test('numbers and booleans as strings, unset dates, properties read back', async () => {
    const asset = await client.make('Assets', { Name: 7, Options: '0', Created: '0001-01-01T00:00:00' });
    expect(asset['Name']).toBe('7');
    const file = await client.make('Files', {
      Name: 'x.bin',
      ParentAssetId: asset['Id'],
      IsPrimary: 'true',
      ContentFileSize: '4398046511104',
      Created: '0001-01-01T00:00:00',
    });
    expect(file).toMatchObject({ IsPrimary: true, ContentFileSize: '4398046511104' });
    const again = { ...file, ContentFileSize: 5, 'odata.metadata': 'anything' };
    expect((await client.call('MERGE', at('Files', file['Id']), again)).status).toBe(204);
    expect((await client.get(at('Files', file['Id']))).json['ContentFileSize']).toBe('5');
  });

  test('verbs through X-HTTP-Method', async () => {
    const asset = await client.make('Assets', { Name: 'x' });
    const path = at('Assets', asset['Id']);
    const tunneled = (verb: string, body?: object) =>
      client.with({ 'X-HTTP-Method': verb }).call('POST', path, body);
    expect((await tunneled('MERGE', { Name: 'y' })).status).toBe(204);
    expect((await client.get(path)).json['Name']).toBe('y');
    expect((await tunneled('DELETE')).status).toBe(204);
    expect((await client.get(path)).status).toBe(404);
  });

  test('versions as .NET clients write them, or none for OData', async () => {
    for (const headers of [
      { DataServiceVersion: '1.0;NetFx', MaxDataServiceVersion: '3.0;NetFx' },
      { DataServiceVersion: '3.0;', MaxDataServiceVersion: '3.0;' },
      { DataServiceVersion: '', MaxDataServiceVersion: '' },
    ]) {
      expect((await client.with(headers).get('Assets')).status).toBe(200);
    }
    const old = await client.with({ MaxDataServiceVersion: '2.0' }).get('Assets');
    expect(old.json).toHaveProperty('d.results');
  });

  test('the second base names the first', async () => {
    for (const path of ['/global/api/', '/Global/API/Assets']) {
      const answer = await client.get(running.service.url + path);
      expect([answer.status, answer.headers.get('location')]).toEqual([301, running.api]);
    }
    const service = await client.get('');
    expect(service.status).toBe(200);
    expect(service.text).toContain('"AccessPolicies"');
  });
});

describe('what is wrong is told', () => {
  test('401 for no, foreign, changed and expired tokens', async () => {
    const good = await entraToken(running.service.url);
    const [header = '', payload = '', signature = ''] = good.split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    const wrong = ['', 'Basic abc', 'Bearer nonsense', `Bearer ${header}.${payload}.${signature.slice(1)}A`];
    for (const authorization of [...wrong, `Bearer ${unsigned}`]) {
      const answer = await client.with({ Authorization: authorization }).get('Assets');
      expect([authorization.slice(0, 12), answer.status]).toEqual([authorization.slice(0, 12), 401]);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test('400 for a missing or unknown x-ms-version and OData version', async () => {
    for (const headers of [
      { 'x-ms-version': '' },
      { 'x-ms-version': '1.0' },
      { 'x-ms-version': '2.20' },
      { 'x-ms-version': '2.1.1' },
      { DataServiceVersion: '4.0' },
      { MaxDataServiceVersion: 'new' },
    ]) {
      expect((await client.with(headers).get('Assets')).status).toBe(400);
    }
    expect((await client.with({ 'x-ms-version': '2.0' }).get('Assets')).status).toBe(200);
  });

  test('bodies: not JSON, no object, too large, another format', async () => {
    const post = async (body: string, headers: Record<string, string> = {}): Promise<number> =>
      (await client.with(headers).call('POST', 'Assets', body)).status;
    expect(await post('{')).toBe(400);
    expect(await post('')).toBe(400);
    expect(await post('[]')).toBe(400);
    expect(await post('"text"')).toBe(400);
    expect(await post('<entry/>', { 'Content-Type': 'application/atom+xml' })).toBe(415);
    expect(await post(`{"Name":"${'x'.repeat(10 * 1024 * 1024)}"}`)).toBe(413);
    expect((await client.with({ Accept: 'application/atom+xml' }).get('Assets')).status).toBe(406);
  });

  test('unknown sets, segments, methods and malformed paths', async () => {
    expect((await client.get('Films')).status).toBe(404);
    expect((await client.get("Assets('nonsense')")).status).toBe(404);
    expect((await client.get("Assets('%ff')")).status).toBe(404);
    expect((await client.get("CreateFileInfos?assetid='%25'")).status).toBe(400);
    expect((await client.call('DELETE', 'Assets')).status).toBe(405);
    expect((await client.call('POST', 'MediaProcessors', {})).status).toBe(405);
    const asset = await client.make('Assets', {});
    expect((await client.get(`${at('Assets', asset['Id'])}/Colours`)).status).toBe(404);
    expect((await client.get(`${at('Assets', asset['Id'])}/Name`)).json['value']).toBeNull();
  });

  test.each(['constructor', 'toString', 'valueOf', 'hasOwnProperty'])(
    'what every object inherits (%s) is no member of an entity',
    async (name) => {
      const asset = await client.make('Assets', {});
      const [endpoint] = await client.list('StreamingEndpoints');
      expect((await client.get(`${at('Assets', asset['Id'])}/${name}`)).status).toBe(404);
      const action = await client.call('POST', `${at('StreamingEndpoints', endpoint!['Id'])}/${name}`);
      expect([action.status, action.headers.get('operation-id')]).toEqual([405, null]);
      const filtered = await client.get(`Assets?$filter=${name}(Name) eq null`);
      expect([filtered.status, filtered.text]).toEqual([400, expect.stringContaining('has no function')]);
    },
  );

  test('every answer says which request it is to', async () => {
    const answer = await client.with({ 'x-ms-client-request-id': 'run 42' }).get('Assets');
    expect(answer.headers.get('x-ms-client-request-id')).toBe('run 42');
    expect(answer.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get('x-ms-request-id')).toBe(answer.headers.get('request-id'));
    const refused = await client.with({ Authorization: '', 'x-ms-client-request-id': 'b' }).get('Assets');
    expect(refused.headers.get('x-ms-client-request-id')).toBe('b');
  });
});

describe('tokens', () => {
  const ask = async (path: string, form: Record<string, string>): Promise<Response> =>
    fetch(running.service.url + path, { method: 'POST', body: new URLSearchParams(form) });
  const entra = {
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    resource: 'https://rest.media.azure.net',
  };

  test('both forms work with the API', async () => {
    const answer = (await (await ask('/oauth2/token', entra)).json()) as Record<string, string>;
    expect(answer).toMatchObject({
      token_type: 'Bearer',
      expires_in: '3599',
      resource: 'https://rest.media.azure.net',
    });
    const acs = await ask('/any/v2/OAuth2-13', { ...entra, scope: 'urn:WindowsAzureMediaServices' });
    const { access_token: token } = (await acs.json()) as { access_token: string };
    for (const given of [answer['access_token'], token]) {
      const header = { Authorization: `Bearer ${String(given)}` };
      expect((await client.with(header).get('Assets')).status).toBe(200);
    }
  });

  test('a wrong secret, client, grant, resource or scope is refused', async () => {
    const cases: [string, Record<string, string>, number, string][] = [
      ['/oauth2/token', { ...entra, client_secret: 'wrong' }, 401, 'invalid_client'],
      ['/oauth2/token', { ...entra, client_id: 'wrong' }, 401, 'invalid_client'],
      ['/oauth2/token', { ...entra, grant_type: 'password' }, 400, 'unsupported_grant_type'],
      ['/oauth2/token', { ...entra, resource: 'https://graph.microsoft.com' }, 400, 'invalid_resource'],
      ['/v2/OAuth2-13', { ...entra, scope: 'else' }, 400, 'invalid_scope'],
      ['/oauth2/token', {}, 400, 'unsupported_grant_type'],
    ];
    for (const [path, form, status, error] of cases) {
      const response = await ask(path, form);
      expect(response.status).toBe(status);
      const body = await response.text();
      expect(JSON.parse(body)).toMatchObject({ error });
      expect(body).not.toContain(clientSecret);
    }
    expect((await fetch(`${running.service.url}/oauth2/token`)).status).toBe(405);
  });

  test('a fault of the service is told as one, and logged', async () => {
    const sign = vi.spyOn(SignJWT.prototype, 'sign').mockRejectedValueOnce(new TypeError('No such key.'));
    const response = await ask('/oauth2/token', entra);
    sign.mockRestore();
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('No such key');
    expect(running.log.at(-1)).toMatchObject({ level: 50, err: { message: 'No such key.' } });
    expect((await ask('/oauth2/token', entra)).status).toBe(200);
  });

  test('neither secret nor token nor signature is logged', async () => {
    const asset = await client.make('Assets', {});
    const policy = await client.make('AccessPolicies', { Name: 'r', DurationInMinutes: 9, Permissions: 1 });
    const ids = { AssetId: asset['Id'], AccessPolicyId: policy['Id'] };
    const sas = await client.make('Locators', { ...ids, Type: 1 });
    const log = JSON.stringify(running.log);
    expect(log).not.toContain(clientSecret);
    expect(log).not.toContain('Bearer');
    expect(log).not.toContain(new URLSearchParams(String(sas['ContentAccessComponent'])).get('sig'));
  });
});
