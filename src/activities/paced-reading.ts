import type { Readable } from 'node:stream';

/** How fast a source has to be. */
export interface Pace {
  /** Bytes a second, on the average of a window. */
  readonly least: number;
  /** Milliseconds of waiting for the source. */
  readonly window: number;
}

/**
 * Reads a stream to its end, as long as it keeps the pace. Only time spent waiting for the stream counts: a slow reader
 * is not the source's fault.
 * @param signal ends the reading at once, also while the stream gives nothing
 * @param tooSlow what is thrown when the pace is not kept
 * @throws the signal's reason, `tooSlow()`, or the stream's own error
 */
export async function* pacedChunks(
  stream: Readable,
  {
    pace,
    signal,
    tooSlow,
  }: { readonly pace: Pace; readonly signal: AbortSignal; readonly tooSlow: () => Error },
): AsyncGenerator<Buffer> {
  let bytes = 0;
  let waited = 0;
  let waitsSince = Date.now();
  let waits = true;
  let slow: Error | undefined;
  const stop = (): void => void stream.destroy();
  const look = (): void => {
    const now = Date.now();
    const time = waited + (waits ? now - waitsSince : 0);
    if (time < pace.window) return;
    if (bytes < (pace.least * time) / 1000) {
      slow = tooSlow();
      stream.destroy();
    }
    bytes = 0;
    waited = 0;
    waitsSince = now;
  };
  const timer = setInterval(look, Math.min(1000, pace.window / 4));
  signal.addEventListener('abort', stop);
  try {
    signal.throwIfAborted();
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      waited += Date.now() - waitsSince;
      bytes += chunk.length;
      waits = false;
      yield chunk;
      signal.throwIfAborted();
      waits = true;
      waitsSince = Date.now();
    }
    // A stream that is destroyed may also just end.
    signal.throwIfAborted();
    if (slow !== undefined) throw slow;
  } catch (error) {
    throw signal.aborted ? signal.reason : (slow ?? error);
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', stop);
  }
}
