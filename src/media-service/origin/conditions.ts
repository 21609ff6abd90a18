import type { IncomingHttpHeaders } from 'node:http';

/**
 * What a request's conditions make of a representation with this ETag, always a strong one (RFC 9110, 13.2.2). There is
 * no Last-Modified, so conditions on dates do not apply.
 */
export function evaluateConditions(
  headers: IncomingHttpHeaders,
  etag: string,
): 'serve' | 'not-modified' | 'failed' {
  const match = headers['if-match'];
  if (match !== undefined && !listsTag(match, etag, 'strong')) return 'failed';
  const noneMatch = headers['if-none-match'];
  if (noneMatch !== undefined && listsTag(noneMatch, etag, 'weak')) return 'not-modified';
  return 'serve';
}

/** Whether a Range field counts (RFC 9110, 13.1.5): If-Range names this very representation, or is not there. */
export function rangeApplies(headers: IncomingHttpHeaders, etag: string): boolean {
  const condition = headers['if-range'];
  return condition === undefined || String(condition).trim() === etag;
}

function listsTag(field: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (field.trim() === '*') return true;
  const tags = field.match(/(?:W\/)?"[^"]*"/g) ?? [];
  return tags.some((tag) => tag === etag || (comparison === 'weak' && tag === `W/${etag}`));
}
