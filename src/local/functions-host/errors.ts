/** The app, its settings or its host.json cannot be run here; the message says what to change. */
export class FunctionAppError extends Error {
  override readonly name = 'FunctionAppError';
  readonly code = 'function-app';
}
