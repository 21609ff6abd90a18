import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { StorageUnavailableError } from '../errors.ts';
import { ApiError } from './api-error.ts';
import type { TokenValidator } from './api.ts';

export interface EntraTokenOptions {
  readonly tenantId: string;
  /** What a token must be for: the application ID URI (version 1 tokens) or the client id (version 2). */
  readonly audiences: readonly string[];
  /** The application role that a caller must have. */
  readonly role: string;
  /** Entra's base URL, without a slash at its end. */
  readonly authority: string;
}

/** Seconds that the clocks may differ. */
const clockTolerance = 60;

/**
 * Accepts access tokens that Microsoft Entra gave to applications (managed identities among them): signed by the
 * tenant's keys, issued by that tenant, for this API, with the application role. Both token versions are taken, since
 * which one a managed identity gets is set at the API's registration.
 * https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 */
export class EntraTokens implements TokenValidator {
  readonly #options: EntraTokenOptions;
  readonly #keys: JWTVerifyGetKey;
  readonly #issuers: string[];

  constructor(options: EntraTokenOptions) {
    this.#options = options;
    const { authority, tenantId } = options;
    this.#keys = createRemoteJWKSet(new URL(`${authority}/${tenantId}/discovery/v2.0/keys`));
    this.#issuers = [`https://sts.windows.net/${tenantId}/`, `${authority}/${tenantId}/v2.0`];
  }

  /** @throws ApiError 401, 403 @throws StorageUnavailableError when the tenant's keys cannot be read now */
  async validate(authorization: string | undefined): Promise<void> {
    const token = /^Bearer ([\w.-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) throw unauthorized('A bearer token is required.');
    const claims = await this.#verified(token);
    const { roles } = claims;
    if (!Array.isArray(roles) || !roles.includes(this.#options.role)) {
      throw new ApiError(403, `The token has not the application role ${this.#options.role}.`);
    }
  }

  async #verified(token: string): Promise<Readonly<Record<string, unknown>>> {
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        algorithms: ['RS256'],
        issuer: this.#issuers,
        audience: [...this.#options.audiences],
        requiredClaims: ['exp', 'iss', 'aud'],
        clockTolerance,
      });
      if (payload['tid'] !== this.#options.tenantId) throw unauthorized('The token is of another tenant.');
      return payload;
    } catch (error) {
      if (error instanceof ApiError) throw error;
      if (isRefusal(error)) throw unauthorized('The token is not valid here, or has expired.');
      // No answer, or none that is a key set: the caller is not to blame and may come again.
      throw new StorageUnavailableError('The signing keys of the tenant cannot be read.', { cause: error });
    }
  }
}

/** Whether it is the token's fault; what else can fail is reading the tenant's keys. */
function isRefusal(error: unknown): boolean {
  return [
    errors.JWTInvalid,
    errors.JWTExpired,
    errors.JWTClaimValidationFailed,
    errors.JWSInvalid,
    errors.JWSSignatureVerificationFailed,
    errors.JOSEAlgNotAllowed,
    errors.JOSENotSupported,
    errors.JWKSNoMatchingKey,
    errors.JWKSMultipleMatchingKeys,
  ].some((kind) => error instanceof kind);
}

const unauthorized = (message: string): ApiError =>
  new ApiError(401, message, { 'WWW-Authenticate': 'Bearer' });
