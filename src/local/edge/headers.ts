import type { IncomingHttpHeaders } from 'node:http';

/** Headers of one connection, never passed on (RFC 9110 7.6.1; `proxy-connection` and `keep-alive` are older ones). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Only requests without a body are passed on, so nothing that describes one is. */
const ofRequestBodies = new Set(['content-length', 'content-type', 'content-encoding', 'expect']);

/** Name, value, name, value, …: as `rawHeaders` has them and `writeHead` takes them; repeated names stay repeated. */
export type RawHeaders = readonly string[];

function filter(raw: RawHeaders, keep: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = [raw[index], raw[index + 1]];
    if (keep(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

/** The names that a Connection header declares to be of this connection only (RFC 9110 7.6.1). */
function ofConnection(connection: string | undefined): ReadonlySet<string> {
  return new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
}

/** What of a viewer's request goes to the origin; `host` is the origin's own. */
export function requestHeaders(raw: RawHeaders, connection: string | undefined, host: string): string[] {
  const listed = ofConnection(connection);
  const kept = filter(
    raw,
    (name) =>
      name !== 'host' &&
      name !== 'via' &&
      !hopByHop.has(name) &&
      !listed.has(name) &&
      !ofRequestBodies.has(name),
  );
  return ['Host', host, ...kept, 'Via', via];
}

/** Marks requests of this edge (RFC 9110 7.6.3), so that one pointed at itself notices. */
export const via = '1.1 failover-edge';

/** What of an origin's answer goes to the viewer. */
export function responseHeaders(raw: RawHeaders, connection: string | undefined): string[] {
  const listed = ofConnection(connection);
  return filter(raw, (name) => !hopByHop.has(name) && !listed.has(name) && !setByEdge.has(name));
}

const exposing = 'access-control-expose-headers';
const setByEdge = new Set([exposing, 'x-data-center', 'x-request-id']);

/** The edge's own headers: who served, under which name it was logged, and that scripts may read both (CORS). */
export function edgeHeaders(dataCenter: string, requestId: string, ofOrigin: IncomingHttpHeaders): string[] {
  const exposed = ofOrigin[exposing];
  return [
    ...['Access-Control-Expose-Headers', `${exposed ? `${exposed}, ` : ''}X-Data-Center, X-Request-Id`],
    ...['X-Data-Center', dataCenter],
    ...['X-Request-Id', requestId],
  ];
}

/** Conditions and ranges of the viewer's own, replaced when a body goes on from another data center. */
const ofTheViewersRange = new Set([
  'range',
  'if-range',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
]);

/** Bytes of a representation from one offset to another one or to its end, both inclusive. */
export interface RestOfBody {
  readonly first: number;
  readonly last: number | undefined;
  readonly etag: string;
}

/** The request for the rest of a body: these very bytes of this very representation (RFC 9110 13.1.1, 14.2). */
export function continuationHeaders(raw: RawHeaders, rest: RestOfBody): string[] {
  const kept = filter(raw, (name) => !ofTheViewersRange.has(name));
  return [...kept, 'Range', `bytes=${rest.first}-${rest.last ?? ''}`, 'If-Match', rest.etag];
}
