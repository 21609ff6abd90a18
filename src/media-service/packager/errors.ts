/** The stored media breaks its format: boxes that do not fit, sizes beyond reason, fields that contradict. */
export class MalformedMediaError extends Error {
  override readonly name = 'MalformedMediaError';
  readonly code = 'malformed-media';
}

/** The stored media is sound, but of a kind that this packager does not serve. */
export class UnsupportedMediaError extends Error {
  override readonly name = 'UnsupportedMediaError';
  readonly code = 'unsupported-media';
}
