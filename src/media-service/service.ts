import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { TokenCredential } from '@azure/identity';
import type { Logger } from 'pino';
import type { MediaServiceConfig, TokenConfig } from '../config/media-service.ts';
import { ConfigurationError } from '../config/settings.ts';
import { inTurn } from '../transport/in-turn.ts';
import { Api } from './api/api.ts';
import { ContentHealthCheck } from './api/content-health.ts';
import { decodedPath } from './api/request.ts';
import { EntraTokens } from './api/entra-tokens.ts';
import { OwnTokens } from './api/tokens.ts';
import { createEncoder } from './encoder/encoder.ts';
import { findFfmpeg } from './encoder/find-ffmpeg.ts';
import { answerJson } from './json-answer.ts';
import { createOrigin, type Origin } from './origin/origin.ts';
import { Preparation } from './preparation.ts';
import { watchQueue } from './queue-watch.ts';
import type { EncodingLimits } from './store/encoding-parts.ts';
import { storageClients } from './store/storage-clients.ts';
import { createStore } from './store/store.ts';

export interface MediaServiceOptions {
  readonly config: MediaServiceConfig;
  readonly log: Logger;
  /** Instead of the managed identity. */
  readonly credential?: TokenCredential;
  readonly encodingLimits?: EncodingLimits;
}

export interface MediaService {
  /** Where it listens, without a slash at its end. */
  readonly url: string;
  /** Stops listening, ends what is under way (an encode is given back to the queue), then resolves. */
  close(): Promise<void>;
}

/** Answers a request; false when its path is none of this handler's. */
type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
) => Promise<boolean> | boolean;

/** Milliseconds after which a connection ends on which nothing moves: a reader that does not read, too. */
const idleConnection = 120_000;
/** Milliseconds that requests under way get to end when the service stops. */
const closingPatience = 10_000;

/**
 * Starts a media service: REST API with its tokens, streaming endpoint and health on one port, and the encoder, as its
 * roles say.
 * @throws ConfigurationError
 * @throws FfmpegNotFoundError
 */
export async function startMediaService(options: MediaServiceOptions): Promise<MediaService> {
  const { config, log } = options;
  if (config.roles.includes('api') && config.tokens === undefined) {
    throw new ConfigurationError([
      'MEDIA_SERVICE_CLIENT_ID: is needed for the role api, or MEDIA_SERVICE_TENANT_ID for tokens of Microsoft Entra',
    ]);
  }
  let listeningAt = '';
  const publicBase = (): string => `${(config.publicUrl ?? listeningAt).replace(/\/+$/, '')}/`;
  const clients = await storageClients(config.storage, options.credential);
  const store = createStore({
    clients,
    publicBase,
    log,
    ...(options.encodingLimits !== undefined && { encodingLimits: options.encodingLimits }),
  });
  const ffmpeg = config.roles.includes('encoder') ? await findFfmpeg(config) : undefined;
  const preparation = new Preparation(() => store.prepare(), log);
  const handlers: Handler[] = [liveness];
  if (config.roles.includes('api') && config.tokens !== undefined) {
    const tokens = tokensOf(config.account, config.tokens);
    const origin = createOrigin(store.content, {
      indexCacheBytes: config.indexCacheBytes,
      fragmentCacheBytes: config.fragmentCacheBytes,
      log,
    });
    const apiBase = (): string => `${publicBase()}api/`;
    const api = new Api({ store, ready: () => preparation.ready(), tokens, apiBase, log });
    const health = new ContentHealthCheck({
      endpointState: () => store.endpoints.state(),
      content: store.content,
      probe: (locator) => origin.probe(locator),
      log,
    });
    handlers.push(
      contentHealth(health),
      apiHandler(api),
      redirection(apiBase),
      ...(tokens instanceof OwnTokens ? [tokenHandler(tokens)] : []),
      streaming(origin),
    );
  }

  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    serve(handlers, request, response).catch((error: unknown) => {
      // A client that went away while its request was read has ended it itself.
      if (request.socket.destroyed) return;
      log.error({ err: error }, 'A request could not be answered');
      if (response.headersSent) response.destroy();
      else answerJson(response, 500, { error: 'The request failed.' }, { Connection: 'close' });
    });
  };
  const server = createServer(inTurn(answer));
  server.timeout = idleConnection;
  server.listen(config.port, config.host);
  await once(server, 'listening').catch((error: unknown) => {
    preparation.stop();
    throw error;
  });
  const { port } = server.address() as AddressInfo;
  listeningAt = `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;

  const stopping = new AbortController();
  const watching = config.roles.includes('api')
    ? preparation.whenDone().then(() => watchQueue(store.encoding, log, stopping.signal))
    : undefined;
  let encoding: Promise<void> | undefined;
  if (ffmpeg !== undefined) {
    const { ffmpegFrom, ffprobeFrom, version } = ffmpeg;
    log.info({ ffmpeg: ffmpeg.ffmpeg, ffmpegFrom, ffprobe: ffmpeg.ffprobe, ffprobeFrom, version }, 'ffmpeg');
    const encoder = createEncoder({
      queue: store.encoding,
      ffmpeg,
      speed: config.encoderSpeed,
      timeLimit: config.encoderTimeLimitMinutes * 60_000,
      log,
    });
    encoding = preparation.whenDone().then(() => encoder.run(stopping.signal));
  }
  return {
    url: listeningAt,
    async close() {
      preparation.stop();
      stopping.abort();
      await Promise.all([closeServer(server), encoding, watching]);
    },
  };
}

function tokensOf(account: string, tokens: TokenConfig): OwnTokens | EntraTokens {
  return tokens.kind === 'own' ? new OwnTokens({ account, client: tokens.client }) : new EntraTokens(tokens);
}

async function serve(
  handlers: readonly Handler[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = pathOf(request);
  for (const handler of handlers) if (await handler(request, response, path)) return;
  answerJson(response, 404, { error: 'There is nothing at this address.' });
}

/** The decoded path; as it came when it cannot be decoded, so that nothing but the origin looks at it. */
function pathOf(request: IncomingMessage): string {
  const [raw = '/'] = (request.url ?? '/').split('?', 1);
  try {
    return decodedPath(raw);
  } catch {
    return raw;
  }
}

const liveness: Handler = (_request, response, path) => {
  if (path !== '/health') return false;
  answerJson(response, 200, { status: 'alive' });
  return true;
};

function contentHealth(check: ContentHealthCheck): Handler {
  return async (_request, response, path) => {
    if (path !== '/health/content') return false;
    const health = await check.check();
    answerJson(response, health.healthy ? 200 : 503, health);
    return true;
  };
}

function apiHandler(api: Api): Handler {
  return async (request, response, path) => {
    const match = /^\/api(\/.*)?$/i.exec(path);
    if (match === null) return false;
    const [, query = ''] = /\?(.*)$/s.exec(request.url ?? '') ?? [];
    await api.handle(request, response, match[1] ?? '/', query);
    return true;
  };
}

/** A second base, as the reference has a global one: it names the base that serves the account, and nothing else. */
function redirection(apiBase: () => string): Handler {
  return (_request, response, path) => {
    if (!/^\/global\/api(\/|$)/i.test(path)) return false;
    answerJson(response, 301, { movedTo: apiBase() }, { Location: apiBase() });
    return true;
  };
}

function tokenHandler(tokens: OwnTokens): Handler {
  return async (request, response, path) => {
    const form = /\/oauth2\/token$/i.test(path)
      ? 'entra'
      : /\/v2\/OAuth2-13$/i.test(path)
        ? 'acs'
        : undefined;
    if (form === undefined) return false;
    await tokens.answer(request, response, form);
    return true;
  };
}

function streaming(origin: Origin): Handler {
  return (request, response) => origin.handle(request, response);
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), closingPatience);
  await closed;
  clearTimeout(force);
}
