/** Media break their format: boxes that do not fit, sizes beyond reason, fields that contradict. */
export class MalformedMediaError extends Error {
  override readonly name = 'MalformedMediaError';
  readonly code = 'malformed-media';
}
