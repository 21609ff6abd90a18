import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { jwtVerify, SignJWT } from 'jose';
import { answerJson } from '../json-answer.ts';
import { ApiError, apiErrorOf } from './api-error.ts';
import type { TokenValidator } from './api.ts';
import { readText } from './request.ts';

export interface TokenOptions {
  /** The media account: a token of another account is none of this one's. */
  readonly account: string;
  readonly client: { readonly id: string; readonly secret: string };
}

/** Seconds; what Microsoft Entra tells of its tokens. */
const lifetime = 3599;
const formLimit = 16_384;

/** The two forms of asking for a token: what each names as the audience, and may ask for. */
const audiences = {
  /** Microsoft Entra's version 1 form: `resource`. */
  entra: 'https://rest.media.azure.net',
  /** The older Access Control Service's: `scope`. */
  acs: 'urn:WindowsAzureMediaServices',
} as const;

/**
 * Tokens of this service's own: for closed networks and one machine, where no Microsoft Entra is. JSON Web Tokens
 * signed with a key derived from the client's secret, so every process of the service knows them.
 */
export class OwnTokens implements TokenValidator {
  readonly #options: TokenOptions;
  readonly #key: Uint8Array;
  readonly #issuer: string;

  constructor(options: TokenOptions) {
    this.#options = options;
    this.#issuer = `urn:media-service:${options.account}`;
    this.#key = new Uint8Array(
      hkdfSync('sha256', options.client.secret, options.account, 'access tokens', 32),
    );
  }

  async validate(authorization: string | undefined): Promise<void> {
    const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw unauthorized('A bearer token is required.');
    try {
      await jwtVerify(token, this.#key, {
        algorithms: ['HS256'],
        issuer: this.#issuer,
        audience: Object.values(audiences),
        requiredClaims: ['exp', 'sub'],
      });
    } catch {
      throw unauthorized('The token is not valid here, or has expired.');
    }
  }

  /** Answers `POST …/oauth2/token` (Entra's form) and `POST …/v2/OAuth2-13` (the ACS form). */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    form: keyof typeof audiences,
  ): Promise<void> {
    try {
      if (request.method !== 'POST') throw new ApiError(405, 'invalid_request', { Allow: 'POST' });
      const given = new URLSearchParams(await readText(request, formLimit));
      this.#check(given, form);
      answerJson(response, 200, await this.#token(form));
    } catch (error) {
      const known = apiErrorOf(error);
      if (known === undefined) throw error;
      const { status, message, headers } = known;
      answerJson(
        response,
        status,
        { error: message, error_description: descriptions[message] ?? message },
        headers,
      );
    }
  }

  #check(given: URLSearchParams, form: keyof typeof audiences): void {
    if (given.get('grant_type') !== 'client_credentials') throw new ApiError(400, 'unsupported_grant_type');
    const { id, secret } = this.#options.client;
    // Both are always compared, each in constant time.
    const sameId = same(given.get('client_id') ?? '', id);
    const sameSecret = same(given.get('client_secret') ?? '', secret);
    if (!sameId || !sameSecret) throw new ApiError(401, 'invalid_client');
    const target = form === 'entra' ? given.get('resource') : given.get('scope');
    if (target?.replace(/\/$/, '') !== audiences[form]) {
      throw new ApiError(400, form === 'entra' ? 'invalid_resource' : 'invalid_scope');
    }
  }

  async #token(form: keyof typeof audiences): Promise<Readonly<Record<string, string>>> {
    const now = Math.floor(Date.now() / 1000);
    const token = await new SignJWT()
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(this.#issuer)
      .setAudience(audiences[form])
      .setSubject(this.#options.client.id)
      .setIssuedAt(now)
      .setNotBefore(now - 300)
      .setExpirationTime(now + lifetime)
      .sign(this.#key);
    const shared = {
      token_type: 'Bearer',
      access_token: token,
      expires_in: String(lifetime),
    };
    return form === 'acs'
      ? { ...shared, scope: audiences.acs }
      : {
          ...shared,
          ext_expires_in: String(lifetime),
          expires_on: String(now + lifetime),
          not_before: String(now - 300),
          resource: audiences.entra,
        };
  }
}

const descriptions: Readonly<Record<string, string>> = {
  unsupported_grant_type: 'grant_type must be client_credentials.',
  invalid_client: 'The client id or its secret is wrong.',
  invalid_resource: `resource must be ${audiences.entra}.`,
  invalid_scope: `scope must be ${audiences.acs}.`,
};

const unauthorized = (message: string): ApiError =>
  new ApiError(401, message, { 'WWW-Authenticate': 'Bearer' });

/** Compares hashes keyed by the secret itself, so that neither length nor content shows in the time it takes. */
function same(given: string, known: string): boolean {
  const key = createHash('sha256').update(known).digest();
  const hash = (text: string): Buffer => createHmac('sha256', key).update(text).digest();
  return timingSafeEqual(hash(given), hash(known));
}
