/** The stored media is sound, but of a kind that this packager does not serve. */
export class UnsupportedMediaError extends Error {
  override readonly name = 'UnsupportedMediaError';
  readonly code = 'unsupported-media';
}
