/**
 * Structured log and Application Insights events. An event is a fact an operator looks for, by name, with the stream
 * it concerns; a secret never stands in one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as after } from 'node:timers/promises';
import { messageOf } from './message-of.ts';

export type EventProperties = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Telemetry {
  /** Records an event in the log, and in Application Insights when that is configured. */
  event(name: string, properties: EventProperties): void;
  /** As `event`, at level error. */
  problem(name: string, properties: EventProperties): void;
  /** Sends what is buffered, as far as that can be done within seconds; never throws. */
  flush(): Promise<void>;
}

/** A line's level and text: the invocation's log of a Function App, or the console. */
export type WriteLine = (level: 'info' | 'error', line: string) => void;

/** What of the `applicationinsights` package is used. */
export interface EventSink {
  trackEvent(event: { readonly name: string; readonly properties: Record<string, string> }): void;
  flush(): Promise<unknown>;
}

/** Milliseconds: an endpoint that does not answer must not keep a program from ending. */
const flushLimit = 3000;

/** Where events go besides the log. */
export interface ApplicationInsights {
  readonly connectionString: string;
  /** The managed identity that sends; undefined: the connection string is enough. */
  readonly identity: { readonly clientId: string | undefined } | undefined;
}

const invocations = new AsyncLocalStorage<WriteLine>();

/** Runs `work` with a log of its own: lines of events in it go there, so that a host ties them to the invocation. */
export function withLog<Result>(write: WriteLine, work: () => Result): Result {
  return invocations.run(write, work);
}

/**
 * Telemetry of a program. Without Application Insights it is the log alone.
 * @param loadSink loads the Application Insights client: only when it is configured, for it is large
 */
export function createTelemetry(
  destination: ApplicationInsights | undefined,
  loadSink: (destination: ApplicationInsights) => Promise<EventSink> = applicationInsights,
): Telemetry {
  const sink = destination === undefined ? undefined : load(destination);

  async function load(configured: ApplicationInsights): Promise<EventSink | undefined> {
    try {
      return await loadSink(configured);
    } catch (error) {
      write('error', 'TelemetryUnavailable', { message: messageOf(error) });
      return undefined;
    }
  }

  function write(level: 'info' | 'error', name: string, properties: EventProperties): void {
    const line = JSON.stringify({ event: name, ...properties });
    (invocations.getStore() ?? toConsole)(level, line);
  }

  function record(level: 'info' | 'error', name: string, properties: EventProperties): void {
    write(level, name, properties);
    const texts = Object.entries(properties).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, String(value)] as const],
    );
    const event = { name, properties: { ...Object.fromEntries(texts), level } };
    void sink?.then((client) => client?.trackEvent(event));
  }

  return {
    event: (name, properties) => record('info', name, properties),
    problem: (name, properties) => record('error', name, properties),
    async flush() {
      const stop = new AbortController();
      const enough = after(flushLimit, undefined, { signal: stop.signal }).catch(() => undefined);
      const sent = (async () => (await sink)?.flush())().catch((error: unknown) => {
        write('error', 'TelemetryUnavailable', { message: messageOf(error) });
      });
      await Promise.race([sent, enough]);
      stop.abort();
    },
  };
}

/** One JSON object a line, on stderr: stdout is for a program's results. */
function toConsole(level: 'info' | 'error', line: string): void {
  console.error(JSON.stringify({ level, time: new Date().toISOString(), ...(JSON.parse(line) as object) }));
}

async function applicationInsights({ connectionString, identity }: ApplicationInsights): Promise<EventSink> {
  const { TelemetryClient } = await import('applicationinsights');
  // Events only, and every one of them: requests and dependencies are the Functions host's to trace and to sample. With
  // providers of its own the client instruments nothing, and opens no live metrics.
  const client = new TelemetryClient(connectionString, { useGlobalProviders: false });
  if (identity !== undefined) {
    const { ManagedIdentityCredential } = await import('@azure/identity');
    const { clientId } = identity;
    client.config.aadTokenCredential = new ManagedIdentityCredential(
      clientId === undefined ? {} : { clientId },
    );
  }
  return {
    trackEvent: (event) => client.trackEvent(event),
    flush: () => client.flush(),
  };
}
