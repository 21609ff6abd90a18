import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EdgeBetween, fragment, type Got } from './edge-between.ts';

let on: EdgeBetween;
beforeEach(async () => {
  on = await EdgeBetween.start();
});
afterEach(() => on.stop());

describe('what passes', () => {
  it('answers with the same headers from A and from B, but for the one that tells them apart', async () => {
    const fromA = await on.get(fragment);
    await on.a.stop();
    const fromB = await on.get(fragment);
    const own = ['date', 'x-data-center', 'x-request-id'];
    const comparable = ({ headers }: Got): unknown =>
      Object.entries(headers).filter(([name]) => !own.includes(name));
    expect(comparable(fromA)).toEqual(comparable(fromB));
  });

  it('passes conditional requests and their answers', async () => {
    const { etag } = (await on.get(fragment)).headers;
    const got = await on.get(fragment, { 'If-None-Match': etag });
    expect([got.status, got.body.length, got.headers.etag]).toEqual([304, 0, etag]);
  });

  it('keeps the headers of a connection on it', async () => {
    await on.get(fragment, {
      Connection: 'close, X-Private',
      'X-Private': '1',
      TE: 'trailers',
      'X-Public': '2',
    });
    const { headers } = on.a.seen[0]!;
    expect(headers).toMatchObject({ host: on.a.url.host, 'x-public': '2', via: '1.1 failover-edge' });
    expect(headers).not.toHaveProperty('x-private');
    expect(headers).not.toHaveProperty('te');
    expect(headers.connection).toBe('keep-alive');
  });

  it.each([
    '/api/Assets',
    '/oauth2/token',
    '/health',
    '/3f2504e0-4f89-11d3-9a0c-0305e82c3301',
    '/%2e%2e/api/',
    '/edge/',
  ])('leaves %s behind the edge', async (path) => {
    expect((await on.get(path)).status).toBe(404);
    expect(on.a.seen).toHaveLength(0);
  });

  it.each(['POST', 'PUT', 'DELETE'])('refuses %s', async (method) => {
    const got = await on.get(fragment, {}, method);
    expect([got.status, got.headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect(on.a.seen).toHaveLength(0);
  });

  it('notices that it was pointed at itself', async () => {
    expect((await on.get(fragment, { Via: '1.1 failover-edge' })).status).toBe(508);
  });
});
