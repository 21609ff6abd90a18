import { z } from 'zod';
import { MediaServicesError } from './errors.ts';
import { describeFailure, within } from './failure.ts';
import { parseRetryAfter, type Clock } from './retry.ts';

export interface Credentials {
  readonly tenantId: string | undefined;
  readonly clientId: string | undefined;
  /** Absent: the managed identity is used. */
  readonly clientSecret: string | undefined;
  /** The resource that tokens are asked for. */
  readonly resource: string;
}

export interface AccessToken {
  readonly value: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Gets a new token from wherever tokens come from. */
export type TokenIssuer = (signal: AbortSignal) => Promise<AccessToken>;

/** Milliseconds: no longer, whatever a call may take. */
const longestWait = 30_000;

/** One token at a time, shared by all calls: asked for once however many wait, renewed shortly before it expires. */
export class TokenCache {
  readonly #issue: TokenIssuer;
  readonly #clock: Clock;
  readonly #timeLimit: number;
  readonly #signal: AbortSignal | undefined;
  #current: { readonly token: AccessToken; readonly renewAt: number } | undefined;
  #pending: Promise<AccessToken> | undefined;

  /** @param limits how long getting a token may take, milliseconds, and what ends it */
  constructor(
    issue: TokenIssuer,
    clock: Clock,
    limits: { readonly timeLimit?: number; readonly signal?: AbortSignal | undefined } = {},
  ) {
    this.#issue = issue;
    this.#clock = clock;
    this.#timeLimit = Math.min(limits.timeLimit ?? longestWait, longestWait);
    this.#signal = limits.signal;
  }

  /** @throws MediaServicesError code `token` */
  async get(): Promise<AccessToken> {
    if (this.#current !== undefined && this.#clock.now() < this.#current.renewAt) return this.#current.token;
    this.#pending ??= this.#renew().finally(() => (this.#pending = undefined));
    return this.#pending;
  }

  /** The service refused this token: the next `get` asks for a new one, unless that has happened already. */
  drop(token: AccessToken): void {
    if (this.#current?.token === token) this.#current = undefined;
  }

  async #renew(): Promise<AccessToken> {
    const token = await this.#issue(within(this.#timeLimit, this.#signal)).catch((error: unknown) => {
      if (error instanceof MediaServicesError) throw error;
      const isCanceled = this.#signal?.aborted === true;
      throw new MediaServicesError({
        code: isCanceled ? 'canceled' : 'token',
        message: `No token could be got: ${describeFailure(error)}`,
        retriable: !isCanceled,
      });
    });
    const life = token.expires - this.#clock.now();
    // Five minutes for long calls and skewed clocks, less for a token that hardly lives that long.
    this.#current = { token, renewAt: token.expires - Math.min(5 * 60_000, life / 5) };
    return token;
  }
}

/**
 * Where tokens come from: an own endpoint when one is given, Microsoft Entra when there is a client secret, else the
 * managed identity.
 * @throws MediaServicesError code `configuration`
 */
export function tokenIssuer(
  config: { readonly tokenUrl: string | undefined; readonly credentials: Credentials },
  clock: Clock,
): TokenIssuer {
  const { tenantId, clientId, clientSecret, resource } = config.credentials;
  if (clientSecret === undefined && config.tokenUrl === undefined) return managedIdentity(clientId, resource);
  if (clientId === undefined || clientSecret === undefined) {
    throw incomplete('A token endpoint needs a client id and a client secret');
  }
  if (config.tokenUrl === undefined && tenantId === undefined) {
    throw incomplete('A client secret needs the tenant it belongs to');
  }
  const url = config.tokenUrl ?? `https://login.microsoftonline.com/${tenantId ?? ''}/oauth2/token`;
  return clientCredentials(url, { clientId, clientSecret, resource }, clock);
}

function incomplete(message: string): MediaServicesError {
  return new MediaServicesError({ code: 'configuration', message, retriable: false });
}

// Entra gives the number as a string, others as a number.
const tokenAnswer = z.object({ access_token: z.string().min(1), expires_in: z.coerce.number().positive() });
const tokenRefusal = z.object({ error: z.string(), error_description: z.string().optional() });

/** The v1 form of the client credentials grant (RFC 6749, section 4.4, with Entra's `resource`). */
function clientCredentials(
  url: string,
  client: { readonly clientId: string; readonly clientSecret: string; readonly resource: string },
  clock: Clock,
): TokenIssuer {
  return async (signal) => {
    const asked = clock.now();
    const response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      signal,
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: client.clientId,
        client_secret: client.clientSecret,
        resource: client.resource,
      }),
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) {
      const refusal = tokenRefusal.safeParse(body).data;
      // The description may quote the request; its AADSTS number says the same and can be looked up.
      const number = /AADSTS\d+/.exec(refusal?.error_description ?? '')?.[0];
      const reason = [refusal?.error, number].filter((part) => part !== undefined).join(', ');
      throw new MediaServicesError({
        code: 'token',
        message: `The token endpoint answered ${response.status}${reason === '' ? '' : ` (${reason})`}`,
        status: response.status,
        retriable: response.status >= 500 || response.status === 429 || response.status === 408,
        retryAfter: parseRetryAfter(response.headers.get('retry-after'), clock.now()),
      });
    }
    const answer = tokenAnswer.safeParse(body);
    if (!answer.success) {
      const message = 'The token endpoint answered something that is no token';
      throw new MediaServicesError({ code: 'token', message, retriable: false });
    }
    return { value: answer.data.access_token, expires: asked + answer.data.expires_in * 1000 };
  };
}

function managedIdentity(clientId: string | undefined, resource: string): TokenIssuer {
  const scope = `${resource.replace(/\/$/, '')}/.default`;
  let credential: Promise<{ getToken: ManagedIdentityGetToken }> | undefined;
  return async (signal) => {
    // Loaded when it is needed: the package is large, and a machine with own token endpoints never uses it.
    credential ??= import('@azure/identity').then(
      ({ ManagedIdentityCredential }) =>
        new ManagedIdentityCredential(clientId === undefined ? {} : { clientId }),
    );
    try {
      const token = await (await credential).getToken(scope, { abortSignal: signal });
      return { value: token.token, expires: token.expiresOnTimestamp };
    } catch (error) {
      const message = `The managed identity gave no token: ${describeFailure(error)}`;
      throw new MediaServicesError({ code: 'token', message, retriable: true });
    }
  };
}

type ManagedIdentityGetToken = (
  scope: string,
  options: { abortSignal: AbortSignal },
) => Promise<{ readonly token: string; readonly expiresOnTimestamp: number }>;
