/** The storage cannot be asked now (refused, timed out, 5xx, throttled): API and origin answer 503. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError';
  readonly code = 'storage-unavailable';
}
