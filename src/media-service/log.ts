import pino, { type DestinationStream, type Logger } from 'pino';

/** Where the parts of a media service tell what an operator should know; a pino logger is one. An error goes as `err`. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * The log of a media service: JSON lines on stderr. Errors of the storage libraries carry their request, whose headers
 * and URL hold signatures; so of an error and its causes only what is known to be harmless is written.
 */
export function createLog(
  account: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  return pino(
    {
      base: { program: 'media-service', account },
      serializers: { err: (error: unknown) => describe(error) },
    },
    destination,
  );
}

/** Causes of causes that are told: none of ours has more, and a foreign one may be its own. */
const longestChain = 5;

function describe(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { message: withoutAddresses(String(error)) };
  const { name, message, stack, cause } = error;
  return {
    name,
    message: withoutAddresses(message),
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...('statusCode' in error && typeof error.statusCode === 'number' && { status: error.statusCode }),
    ...(stack !== undefined && { stack: withoutAddresses(stack) }),
    ...(cause !== undefined && depth < longestChain && { cause: describe(cause, depth + 1) }),
  };
}

function withoutAddresses(text: string): string {
  return text.replace(/https?:\/\/\S+/g, '(address)').replace(/sig=[^&\s]+/g, 'sig=(secret)');
}
