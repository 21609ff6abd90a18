/** The user ended the command (Ctrl-C) before it was done. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
  readonly code = 'stopped';
}
