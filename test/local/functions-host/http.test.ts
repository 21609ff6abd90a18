import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractApp, contract, keys, type RunningHost } from './functions-host.ts';
import { sendTooMuch } from './oversized-body.ts';

contract('HTTP functions', (kind) => {
  let app: ContractApp;
  let host: RunningHost;

  beforeAll(async () => {
    app = await ContractApp.create();
    host = await app.start(`http${kind}`, { kind });
  });
  afterAll(() => app.close());

  const get = (path: string, options: RequestInit = {}): Promise<Response> => fetch(host.url + path, options);
  const params = async (path: string): Promise<unknown> =>
    ((await (await get(path)).json()) as { params: unknown }).params;

  it.each([
    ['/api/defaultRoute', {}],
    ['/api/things/7', { id: '7' }],
    ['/api/things/a%20b', { id: 'a b' }],
    ['/API/Things/7', { id: '7' }],
    ['/api/things/special', {}],
    ['/api/maybe', {}],
    ['/api/maybe/x', { id: 'x' }],
    ['/api/numbers/12', { id: '12' }],
    ['/api/files/a/b/c.txt', { path: 'a/b/c.txt' }],
  ])('routes %s', async (path, expected) => {
    expect(await params(path)).toEqual(expected);
  });

  it.each(['/api/numbers/x', '/api/numbers/0', '/api/things', '/api/things/1/2', '/things/1', '/api/nobody'])(
    'has nothing at %s',
    async (path) => {
      expect((await get(path)).status).toBe(404);
    },
  );

  it('has nothing for a method that is not asked for', async () => {
    expect((await get('/api/defaultRoute', { method: 'DELETE' })).status).toBe(404);
  });

  it('hands over method, query, headers and body', async () => {
    const response = await get('/api/things/1?a=1&b=%26', {
      method: 'PUT',
      body: '{"x":"ä"}',
      headers: { 'content-type': 'application/json' },
    });
    expect(await response.json()).toEqual({
      method: 'PUT',
      path: '/api/things/1',
      query: { a: '1', b: '&' },
      params: { id: '1' },
      body: '{"x":"ä"}',
      type: 'application/json',
    });
  });

  it('passes on status, headers and cookies', async () => {
    const response = await get('/api/dressed');
    expect(response.status).toBe(201);
    expect(response.headers.get('x-thing')).toBe('one');
    expect(response.headers.getSetCookie().join()).toMatch(/^c=v;.*max-age=60.*httponly/i);
    expect(await response.text()).toBe('hello');
    const head = await get('/api/dressed', { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([201, '']);
  });

  it('answers 204 to a function that returns nothing, and 500 to one that throws, without its message', async () => {
    expect((await get('/api/nothing')).status).toBe(204);
    const failed = await get('/api/fails');
    expect([failed.status, await failed.text()]).toEqual([500, '']);
  });

  it('tells no length of a body that cannot be (RFC 9110, section 8.6)', async () => {
    const response = await get('/api/noContent');
    expect([response.status, response.headers.get('content-length')]).toEqual([204, null]);
  });

  it('carries large bodies both ways', async () => {
    const size = 40 * 2 ** 20;
    const sent = await get('/api/size', { method: 'POST', body: Buffer.alloc(size) });
    expect(await sent.json()).toEqual({ size });
    const got = await get(`/api/large?bytes=${size}`);
    expect((await got.arrayBuffer()).byteLength).toBe(size);
  });

  it('is up', async () => {
    const status = await get('/admin/host/status', { headers: { 'x-functions-key': keys.master } });
    expect(await status.json()).toMatchObject({ state: 'Running' });
  });
});

describe('HTTP functions on the local host', () => {
  let app: ContractApp;
  let host: RunningHost;

  beforeAll(async () => {
    app = await ContractApp.create();
    host = await app.start('keys', { settings: { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '1000' } });
  });
  afterAll(() => app.close());

  const withKey = async (path: string, key: string | undefined): Promise<number[]> => {
    const headers = key === undefined ? {} : { 'x-functions-key': key };
    const byQuery = key === undefined ? '' : `?code=${encodeURIComponent(key)}`;
    const answers = [await fetch(host.url + path, { headers }), await fetch(host.url + path + byQuery)];
    return answers.map(({ status }) => status);
  };

  it.each([
    ['guarded', undefined, 401],
    ['guarded', '', 401],
    ['guarded', 'wrong', 401],
    ['guarded', keys.function, 200],
    ['guarded', keys.host, 200],
    ['guarded', keys.master, 200],
    ['administered', keys.function, 401],
    ['administered', keys.host, 401],
    ['administered', keys.master, 200],
    ['things/1', undefined, 200],
    ['things/1', 'wrong', 200],
  ])('%s with the key %s: %i', async (path, key, status) => {
    expect(await withKey(`/api/${path}`, key)).toEqual([status, status]);
  });

  it('opens /admin to the master key alone', async () => {
    expect(await withKey('/admin/host/status', keys.host)).toEqual([401, 401]);
    expect(await withKey('/admin/host/status', keys.master)).toEqual([200, 200]);
  });

  it('opens nothing with a key that is not set', async () => {
    const bare = await app.start('nokeys', {
      settings: { FUNCTIONS_HOST_KEY: '', FUNCTIONS_HOST_MASTER_KEY: '', FUNCTIONS_HOST_KEY__guarded: '' },
    });
    const statuses = ['', '?code=', '?code=undefined'].map(
      async (query) => (await fetch(`${bare.url}/api/guarded${query}`)).status,
    );
    expect(await Promise.all(statuses)).toEqual([401, 401, 401]);
    await bare.kill('SIGTERM');
  });

  it.each(['Content-Length: 2000000', 'Transfer-Encoding: chunked'])(
    'refuses a body over the limit (%s) and hears its sender out',
    async (header) => {
      const answer = await sendTooMuch(`${host.url}/api/size`, header);
      expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*The body is larger than 1000 bytes\.$/);
    },
  );

  it('does not hear the sender of a refused request out for ever', { timeout: 30_000 }, async () => {
    const socket = connect(Number(new URL(host.url).port), '127.0.0.1');
    let received = '';
    socket.setEncoding('utf8').on('data', (text: string) => (received += text));
    socket.on('error', () => undefined);
    socket.write('GET /api/guarded HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n');
    const trickle = setInterval(() => socket.write('x'), 500);
    await new Promise((closed) => socket.once('close', closed));
    clearInterval(trickle);
    expect(received).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('survives requests that are none', async () => {
    for (const line of [
      'GET http:// HTTP/1.1',
      'GET //// HTTP/1.1',
      'OPTIONS * HTTP/1.1',
      'GET /api/%E0%A4%A HTTP/1.1',
    ]) {
      const socket = connect(Number(new URL(host.url).port), '127.0.0.1');
      socket.write(`${line}\r\nHost: x\r\nConnection: close\r\n\r\n`);
      socket.resume();
      await once(socket, 'close');
    }
    expect((await fetch(`${host.url}/api/things/1`)).status).toBe(200);
  });

  it('keeps keys out of its log', () => {
    for (const key of Object.values(keys)) expect(host.log()).not.toContain(key);
  });
});
