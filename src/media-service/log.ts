import type { Logger } from 'pino';
import pino from 'pino';

/** Where every part of a media service tells what an operator should know. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error'>;

/**
 * The log of a media service: JSON lines on stderr. Errors of the storage libraries carry their request, whose headers
 * and URL hold signatures; so of an error only what is known to be harmless is written.
 */
export function createLog(account: string): Logger {
  return pino(
    { base: { program: 'media-service', account }, serializers: { err: describe } },
    pino.destination({ dest: 2, sync: true }),
  );
}

function describe(error: unknown): object {
  if (!(error instanceof Error)) return { message: withoutAddresses(String(error)) };
  const { name, message, stack } = error;
  return {
    name,
    message: withoutAddresses(message),
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...('statusCode' in error && typeof error.statusCode === 'number' && { status: error.statusCode }),
    ...(stack !== undefined && { stack: withoutAddresses(stack) }),
  };
}

function withoutAddresses(text: string): string {
  return text.replace(/https?:\/\/\S+/g, '(address)').replace(/sig=[^&\s]+/g, 'sig=(secret)');
}
