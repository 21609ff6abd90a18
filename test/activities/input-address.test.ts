import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkInputUrl, isPublicAddress, publicLookup } from '../../src/activities/input-address.ts';
import { askOverNetwork, openInputUrl, type Ask } from '../../src/activities/input-response.ts';
import { FinalError } from '../../src/streams/errors.ts';

describe('the addresses an input may come from', () => {
  it.each([
    ['127.0.0.1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.31.0.1', 'private'],
    ['192.168.1.1', 'private'],
    ['169.254.169.254', 'metadata'],
    ['168.63.129.16', "Azure's platform"],
    ['100.64.0.1', 'carrier-grade NAT'],
    ['0.0.0.0', 'unspecified'],
    ['224.0.0.1', 'multicast'],
    ['255.255.255.255', 'broadcast'],
    ['192.0.2.1', 'documentation'],
    ['198.18.0.1', 'benchmarking'],
    ['240.0.0.1', 'reserved'],
    ['::1', 'loopback'],
    ['::', 'unspecified'],
    ['fe80::1', 'link-local'],
    ['fd00::1', 'unique local'],
    ['ff02::1', 'multicast'],
    ['::ffff:127.0.0.1', 'IPv4-mapped loopback'],
    ['::ffff:a9fe:a9fe', 'IPv4-mapped metadata'],
    ['::127.0.0.1', 'IPv4-compatible loopback'],
    ['64:ff9b::7f00:1', 'NAT64 of loopback'],
    ['2002:7f00:1::', '6to4 of loopback'],
    ['2001::1', 'Teredo'],
    ['::7f00:1', 'IPv4-compatible loopback, in hex'],
    ['::a9fe:a9fe', 'IPv4-compatible metadata'],
    ['::168.63.129.16', "IPv4-compatible, Azure's platform"],
    ['::2', 'reserved by the IETF'],
    ['::fffe:7f00:1', 'reserved by the IETF'],
    ['1::1', 'reserved by the IETF'],
    ['4000::1', 'never given out'],
    ['not an address', 'nothing'],
  ])('refuses %s (%s)', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each(['8.8.8.8', '20.50.1.1', '2606:4700::1111', '::ffff:8.8.8.8'])('takes %s', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    ['file:///etc/passwd'],
    ['ftp://example.com/a.mp4'],
    ['http://user:secret@example.com/a.mp4'],
    ['http://example.com:22/a.mp4'],
    ['http://example.com:6379/a.mp4'],
    ['http://127.0.0.1/a.mp4'],
    ['http://2130706433/a.mp4'],
    ['http://0x7f.1/a.mp4'],
    ['http://[::1]/a.mp4'],
    ['http://[::ffff:169.254.169.254]/latest/meta-data'],
  ])('refuses %s before anything is asked', (url) => {
    expect(() => checkInputUrl(new URL(url), false)).toThrow(FinalError);
  });

  it('takes private addresses where they are allowed, but no credentials', () => {
    expect(() => checkInputUrl(new URL('http://10.0.0.1:9000/a.mp4'), true)).not.toThrow();
    expect(() => checkInputUrl(new URL('http://u:p@10.0.0.1/a.mp4'), true)).toThrow(/user name/);
  });

  it('refuses a name when one of its addresses is private, and connects only to what was checked', async () => {
    const answers = (addresses: string[]) =>
      publicLookup((_name, _options, callback) =>
        callback(
          null,
          addresses.map((address) => ({ address, family: 4 })),
        ),
      );
    const looked = (addresses: string[], all: boolean) =>
      new Promise((resolve) =>
        answers(addresses)('movies.test', { all }, (error, found) => resolve(error ?? found)),
      );
    const refused = (await looked(['8.8.8.8', '10.0.0.1'], false)) as FinalError;
    expect(refused).toMatchObject({ code: 'input-url-refused' });
    // Where names inside lead is for the log only.
    expect(refused.message).not.toContain('10.0.0.1');
    expect((refused.cause as Error).message).toContain('10.0.0.1');
    expect(await looked(['8.8.8.8'], false)).toBe('8.8.8.8');
    expect(await looked(['8.8.8.8'], true)).toEqual([{ address: '8.8.8.8', family: 4 }]);
  });
});

describe('following a URL', () => {
  let server: Server;
  let location = '';
  const options = { allowPrivate: false, from: 0 };

  beforeAll(async () => {
    server = createServer((_request, response) => {
      response.writeHead(302, { location }).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => void server.close());

  /** As if a public name led to the test's server; every other URL is asked for as ever. */
  const publicTest: Ask = (url, given) =>
    url.hostname === 'public.test'
      ? new Promise<IncomingMessage>((resolve, reject) => {
          const { port } = server.address() as AddressInfo;
          request({ host: '127.0.0.1', port, path: url.pathname }, resolve).on('error', reject).end();
        })
      : askOverNetwork(url, given);

  it('refuses a name that leads to this machine', async () => {
    await expect(openInputUrl(new URL('http://localhost:8080/a.mp4'), options)).rejects.toMatchObject({
      code: 'input-url-refused',
      retriable: false,
    });
  });

  it.each([
    'http://169.254.169.254/latest/meta-data',
    'http://localhost:8080/a.mp4',
    'http://[::1]:8080/',
    'file:///etc/passwd',
  ])('refuses a redirect to %s', async (target) => {
    location = target;
    await expect(
      openInputUrl(new URL('http://public.test/a.mp4'), options, publicTest),
    ).rejects.toMatchObject({ code: 'input-url-refused', retriable: false });
  });

  it('refuses to be sent round and round', async () => {
    location = 'http://public.test/again';
    await expect(openInputUrl(new URL('http://public.test/a.mp4'), options, publicTest)).rejects.toThrow(
      /more than 5 times/,
    );
  });
});
