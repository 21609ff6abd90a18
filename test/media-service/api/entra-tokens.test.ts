import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mediaServiceConfig } from '../../../src/config/media-service.ts';
import { startMediaService, type MediaService } from '../../../src/media-service/service.ts';
import { memoryLog, startAzuriteIn } from '../running-service.ts';

/** A media service that takes Microsoft Entra's tokens, and an Entra of the test's own. */
const tenantId = '7ad0a1c5-5d42-4c44-9d6d-1a8f0c1f9b11';
const otherTenant = '11111111-5d42-4c44-9d6d-1a8f0c1f9b11';
const audience = 'api://failover-media';
const clientId = '3f1d2a34-1111-4222-8333-444455556666';
const keys = await generateKeyPair('RS256');
const strangeKeys = await generateKeyPair('RS256');

let entra: Server;
let entraAnswers = true;
let authority = '';
let service: MediaService;
let azurite: Awaited<ReturnType<typeof startAzuriteIn>>;

const start = (settings: Readonly<Record<string, string>> = {}): Promise<MediaService> =>
  startMediaService({
    config: mediaServiceConfig({
      MEDIA_SERVICE_ROLES: 'api',
      MEDIA_SERVICE_ACCOUNT: 'mediaa',
      MEDIA_SERVICE_TENANT_ID: tenantId,
      MEDIA_SERVICE_AUDIENCE: `${audience}, ${clientId}`,
      MEDIA_SERVICE_AUTHORITY: `${authority}/`,
      STORAGE_CONNECTION_STRING: azurite.account('mediaa').connectionString,
      ...settings,
    }),
    log: memoryLog([]),
  });

beforeAll(async () => {
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'one', use: 'sig' };
  entra = createServer((request, response) => {
    const known = request.url === `/${tenantId}/discovery/v2.0/keys` && entraAnswers;
    response.writeHead(known ? 200 : 503, { 'Content-Type': 'application/json' });
    response.end(known ? JSON.stringify({ keys: [jwk] }) : '{}');
  });
  entra.listen(0, '127.0.0.1');
  await once(entra, 'listening');
  authority = `http://127.0.0.1:${(entra.address() as AddressInfo).port}`;
  azurite = await startAzuriteIn(['mediaa']);
  service = await start();
});
afterAll(async () => {
  await service.close();
  await azurite.close();
  entra.close();
});

interface Changes {
  readonly claims?: JWTPayload;
  readonly key?: typeof keys.privateKey;
  readonly kid?: string;
  readonly expiresIn?: string;
}

function token({
  claims = {},
  key = keys.privateKey,
  kid = 'one',
  expiresIn = '1h',
}: Changes = {}): Promise<string> {
  return new SignJWT({
    iss: `https://sts.windows.net/${tenantId}/`,
    aud: audience,
    tid: tenantId,
    oid: 'a-managed-identity',
    roles: ['Media.Manage'],
    ...claims,
  })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
    .setIssuedAt()
    .setExpirationTime(expiresIn)
    .sign(key);
}

async function statusWith(bearer: string | undefined, at = service): Promise<number> {
  const response = await fetch(`${at.url}/api/Assets`, {
    headers: {
      Accept: 'application/json',
      'x-ms-version': '2.19',
      ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
    },
  });
  await response.arrayBuffer();
  return response.status;
}

describe('a media service with tokens of Microsoft Entra', () => {
  test('takes both versions of a token that a managed identity gets', async () => {
    expect(await statusWith(await token())).toBe(200);
    const second = { iss: `${authority}/${tenantId}/v2.0`, aud: clientId };
    expect(await statusWith(await token({ claims: second }))).toBe(200);
  });

  test.each<[string, Changes]>([
    ['another audience', { claims: { aud: 'https://rest.media.azure.net' } }],
    ['another issuer', { claims: { iss: `https://sts.windows.net/${otherTenant}/` } }],
    ['another tenant', { claims: { tid: otherTenant } }],
    ['a key that is not the tenant’s', { key: strangeKeys.privateKey }],
    ['an unknown key', { kid: 'two' }],
    ['its end', { expiresIn: '-5m' }],
  ])('refuses a token with %s', async (_what, changes) => {
    expect(await statusWith(await token(changes))).toBe(401);
  });

  test('refuses what is no signed token: none, nonsense, unsigned, signed with a secret', async () => {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = part({ iss: `https://sts.windows.net/${tenantId}/`, aud: audience, tid: tenantId });
    const withSecret = await new SignJWT({ aud: audience })
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode('x'.repeat(32)));
    const bearers = [undefined, 'nonsense', `${part({ alg: 'none' })}.${claims}.`, withSecret];
    for (const bearer of bearers) expect(await statusWith(bearer)).toBe(401);
  });

  test('refuses a caller without the application role, and says which one', async () => {
    for (const roles of [undefined, [], ['Another.Role'], 'Media.Manage']) {
      expect(await statusWith(await token({ claims: { roles } }))).toBe(403);
    }
    const response = await fetch(`${service.url}/api/Assets`, {
      headers: {
        Accept: 'application/json',
        'x-ms-version': '2.19',
        Authorization: `Bearer ${await token({ claims: { roles: [] } })}`,
      },
    });
    expect(await response.text()).toContain('Media.Manage');
  });

  test('is busy, not refusing, while the keys of the tenant cannot be read; and takes them when they can', async () => {
    entraAnswers = false;
    const other = await start();
    try {
      expect(await statusWith(await token(), other)).toBe(503);
      entraAnswers = true;
      expect(await statusWith(await token(), other)).toBe(200);
    } finally {
      entraAnswers = true;
      await other.close();
    }
  });

  test('gives out no tokens itself', async () => {
    const response = await fetch(`${service.url}/${tenantId}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    expect(response.status).toBe(404);
  });
});

test('tokens come from Entra or from the own endpoint, and one of them there must be', () => {
  const storage = { MEDIA_SERVICE_ACCOUNT: 'mediaa', STORAGE_CONNECTION_STRING: 'x' };
  const entraSettings = { MEDIA_SERVICE_TENANT_ID: tenantId, MEDIA_SERVICE_AUDIENCE: audience };
  const own = { MEDIA_SERVICE_CLIENT_ID: 'me', MEDIA_SERVICE_CLIENT_SECRET: 'secret' };
  expect(() => mediaServiceConfig({ ...storage, ...entraSettings, ...own })).toThrow(
    /MEDIA_SERVICE_TENANT_ID/,
  );
  expect(() => mediaServiceConfig({ ...storage, MEDIA_SERVICE_TENANT_ID: tenantId })).toThrow(
    /MEDIA_SERVICE_AUDIENCE/,
  );
  expect(mediaServiceConfig({ ...storage, ...entraSettings }).tokens).toEqual({
    kind: 'entra',
    tenantId,
    audiences: [audience],
    role: 'Media.Manage',
    authority: 'https://login.microsoftonline.com',
  });
});
