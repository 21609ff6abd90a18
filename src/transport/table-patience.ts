import { RestError, type TableServiceClientOptions } from '@azure/data-tables';

/** Milliseconds that a table may take for an answer; with the tries that follow still less than callers wait for theirs. */
const answerWithin = 10_000;

type TablePolicies = Required<Pick<TableServiceClientOptions, 'additionalPolicies'>>;

/**
 * Ends every try of a request that is not answered in time, as a connection that broke off ends it: so it is tried again.
 * By itself the library waits for ever, on a connection whose other end is gone or a service that hangs.
 */
export function tablePatience(milliseconds = answerWithin): TablePolicies {
  return {
    additionalPolicies: [
      {
        position: 'perRetry',
        policy: {
          name: 'tablePatience',
          async sendRequest(request, next) {
            const late = new AbortController();
            const timer = setTimeout(() => late.abort(), milliseconds);
            const { abortSignal: callers } = request;
            const leave = (): void => late.abort();
            callers?.addEventListener('abort', leave);
            if (callers?.aborted === true) leave();
            request.abortSignal = late.signal;
            try {
              return await next(request);
            } catch (error) {
              if (!late.signal.aborted || callers?.aborted === true) throw error;
              const message = `The table did not answer within ${milliseconds / 1000} s.`;
              throw new RestError(message, { code: 'ETIMEDOUT' });
            } finally {
              clearTimeout(timer);
              callers?.removeEventListener('abort', leave);
              if (callers === undefined) delete request.abortSignal;
              else request.abortSignal = callers;
            }
          },
        },
      },
    ],
  };
}
