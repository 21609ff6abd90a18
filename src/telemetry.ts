/**
 * Structured log and Application Insights events. An event is a fact an operator looks for, by name, with the stream
 * it concerns; a secret never stands in one.
 */
export type EventProperties = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Telemetry {
  /** Records an event in the log, and in Application Insights when that is configured. */
  event(name: string, properties: EventProperties): void;
  /** As `event`, at level error. */
  problem(name: string, properties: EventProperties): void;
  /** Sends what is buffered. */
  flush(): Promise<void>;
}
