import type { SeenRequest, Fault } from '../fault-proxy.ts';

/**
 * Put Block From URL, which the emulator does not know, as the REST reference describes it: the range of the source is
 * read under `x-ms-source-if-match` and becomes a block; a source that has changed answers 412 CannotVerifyCopySource.
 * `service` is the emulator behind the proxy.
 */
export async function putBlockFromUrl(service: string, request: SeenRequest): Promise<Fault | undefined> {
  const source = request.headers['x-ms-copy-source'];
  const condition = request.headers['x-ms-source-if-match'];
  if (source === undefined || !request.url.includes('comp=block&')) return undefined;
  const read = await fetch(source, {
    headers: {
      'x-ms-version': '2021-12-02',
      'x-ms-range': request.headers['x-ms-source-range'] ?? '',
      ...(condition === undefined ? {} : { 'if-match': condition }),
    },
  });
  if (!read.ok) {
    const headers = { 'x-ms-error-code': 'CannotVerifyCopySource' };
    return { kind: 'answer', status: read.status, headers };
  }
  const written = await fetch(`${service}${request.url}`, {
    method: 'PUT',
    headers: { 'x-ms-version': '2021-12-02' },
    body: await read.arrayBuffer(),
  });
  return { kind: 'answer', status: written.status };
}
