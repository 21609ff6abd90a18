import { RestError } from '@azure/data-tables';
import { BlobCopyError } from '../blob-copy/errors.ts';
import { MediaServicesError, withoutSecrets } from '../media-services-client/errors.ts';
import { failureOf, StreamError, type ErrorCode, type Failure } from '../streams/errors.ts';
import { messageOf } from '../message-of.ts';
import type { EventProperties, Telemetry } from '../telemetry.ts';

/** What an error of any kind means for the step it ended; its message holds no secret. */
export function toFailure(error: unknown): Failure {
  const failure = (retriable: boolean, ifRetriable: ErrorCode, ifFinal: ErrorCode): Failure => ({
    code: retriable ? ifRetriable : ifFinal,
    message: withoutSecrets(messageOf(error)).slice(0, 1000),
    retriable,
  });
  if (error instanceof StreamError) return { ...failureOf(error), message: withoutSecrets(error.message) };
  if (error instanceof MediaServicesError) {
    return failure(error.retriable, 'media-service-unreachable', 'media-service-refused');
  }
  if (error instanceof BlobCopyError) {
    return failure(error.retriable, 'storage-unreachable', 'storage-refused');
  }
  // The app's own table: no status means that there was no answer.
  if (error instanceof RestError) {
    const { statusCode = 503 } = error;
    const passes = statusCode >= 500 || statusCode === 429 || statusCode === 408;
    return failure(passes, 'storage-unreachable', 'storage-refused');
  }
  return failure(false, 'internal', 'internal');
}

/** Where in this program an error came from, for its log; no secret is in it. */
export function originOf(error: unknown): string {
  const { stack = String(error) } = error instanceof Error ? error : {};
  return withoutSecrets(stack).slice(0, 4000);
}

/**
 * Tells of a step that failed: its run may try it again for hours, and tells nothing of it until its end. A fault of
 * this program is a problem, with its origin.
 */
export function tellFailure(
  telemetry: Telemetry,
  step: string,
  input: unknown,
  failure: Failure,
  error: unknown,
): void {
  if (failure.code === 'canceled') return;
  const { run } = input as { readonly run?: EventProperties };
  const facts = { ...run, step, ...failure };
  if (failure.code === 'internal') telemetry.problem('StepFailed', { ...facts, origin: originOf(error) });
  else telemetry.event('StepFailed', facts);
}
