import { ConfigurationError } from '../config/settings.ts';
import { NoConnectionError } from './connection.ts';
import { ApiError, UnreachableError } from './failover-api.ts';
import { InputError } from './input.ts';
import { StoppedError } from './stopped.ts';

/** What the command ends with; `failover --help` tells them. */
export const exitCode = {
  ok: 0,
  /** A run failed or was canceled, or the API refused the request. */
  failed: 1,
  usage: 2,
  /** Nothing answers, or it is not known who should. */
  unreachable: 3,
  /** There is no such stream or operation. */
  notFound: 4,
  /** The function key is missing or wrong. */
  unauthorized: 5,
  /** Another input, or another operation, holds this stream id. */
  conflict: 6,
  /** Ended by the user: 128 and the number of SIGINT, as shells have it. */
  stopped: 130,
} as const;
export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof StoppedError) return exitCode.stopped;
  if (error instanceof ConfigurationError || error instanceof InputError) return exitCode.usage;
  if (error instanceof UnreachableError || error instanceof NoConnectionError) return exitCode.unreachable;
  if (!(error instanceof ApiError)) return exitCode.failed;
  switch (error.status) {
    case 400:
    case 413:
    case 422:
      return exitCode.usage;
    case 401:
    case 403:
      return exitCode.unauthorized;
    case 404:
      return exitCode.notFound;
    case 409:
      return exitCode.conflict;
    default:
      return exitCode.failed;
  }
}

/** What to do about an error, when there is something. */
export function adviceOn(error: unknown): string | undefined {
  if (error instanceof UnreachableError) {
    return 'Is it running? A local stack: npm start. Another address: --url, or FAILOVER_URL.';
  }
  if (error instanceof ApiError && error.code === 'unauthorized') {
    return 'Give the function key: --key, or FAILOVER_KEY.';
  }
  return undefined;
}
