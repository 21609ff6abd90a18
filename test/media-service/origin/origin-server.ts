import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOrigin, type Origin } from '../../../src/media-service/origin/origin.ts';
import type { PublishedContent } from '../../../src/media-service/origin/published-content.ts';
import { locatorGuid } from './folder-content.ts';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly properties: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** The origin behind a real HTTP server. */
export interface OriginServer {
  readonly url: string;
  readonly origin: Origin;
  /** What the origin logged. */
  readonly log: readonly LogLine[];
  /** Requests exactly this path, sent as it is written. */
  get(path: string, headers?: Readonly<Record<string, string>>, method?: string): Promise<Reply>;
  close(): Promise<void>;
}

export interface OriginServerOptions {
  readonly indexCacheBytes?: number;
  readonly fragmentCacheBytes?: number;
  readonly publicationFreshness?: number;
  readonly fileReaders?: number;
  readonly readerPatience?: number;
  readonly now?: () => number;
}

export async function startOrigin(
  content: PublishedContent,
  options: OriginServerOptions = {},
): Promise<OriginServer> {
  const log: LogLine[] = [];
  const record =
    (level: LogLine['level']) =>
    (properties: object, message: string): void => {
      log.push({ level, properties: { ...properties }, message });
    };
  const origin = createOrigin(content, {
    indexCacheBytes: 10_000_000,
    fragmentCacheBytes: 10_000_000,
    publicationFreshness: 0,
    ...options,
    log: { info: record('info'), warn: record('warn'), error: record('error') },
  });
  const server = createServer((request, response) => {
    void origin.handle(request, response).then((handled) => {
      if (!handled) response.writeHead(418).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    origin,
    log,
    async get(path, headers = {}, method = 'GET') {
      const request = httpRequest({ host: '127.0.0.1', port, path, headers, method });
      request.end();
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const pieces: Buffer[] = [];
      for await (const piece of response) pieces.push(piece as Buffer);
      return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Everything of a reply that two origins must agree on: all but the time it was sent. */
export function comparable({ status, headers, body }: Reply): unknown {
  return [status, { ...headers, date: undefined }, createHash('md5').update(body).digest('hex')];
}

/** The path of something below the test's locator. */
export const below = (path: string): string => `/${locatorGuid}/${path}`;
export const helloFolder = 'test/fixtures/hello';
export const fragmentPath = below('hello.ism/QualityLevels(960000)/Fragments(video=20000000)');

/** Every URL that a player meets: manifests, playlists, initialization segments, fragments; and the files. */
export async function everyPath(server: OriginServer): Promise<readonly string[]> {
  const paths = ['manifest', 'manifest(format=mpd-time-csf)', 'manifest(format=mpd-time-cmaf)'].map((path) =>
    below(`hello.ism/${path}`),
  );
  const follow = async (path: string): Promise<readonly string[]> => {
    const playlist = (await server.get(path)).body.toString();
    const urls = [...playlist.matchAll(/^[^#\n].*$|URI="([^"]+)"/gm)].map((match) => match[1] ?? match[0]);
    return urls.map((url) => new URL(url, server.url + path).pathname);
  };
  const master = below('hello.ism/manifest(format=m3u8-cmaf)');
  const playlists = await follow(master);
  const hls = (await Promise.all(playlists.map(follow))).flat();
  const others = hls.flatMap((path) => {
    const bare = path.replace('.m4s', '');
    return [
      bare.replace('m3u8-cmaf', 'mpd-time-cmaf'),
      bare.replace('m3u8-cmaf', 'mpd-time-csf'),
      ...(path.includes('=i,') ? [] : [bare.replace(',format=m3u8-cmaf', '')]),
    ];
  });
  const files = ['hello.ism', 'hello_320x180_320.cmfv', 'hello_aac_128.cmfa'].map(below);
  return [...new Set([...paths, master, ...playlists, ...hls, ...others, ...files])];
}
