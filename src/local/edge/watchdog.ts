/** Counts down, again and again. */
export interface Watchdog {
  /** Begins anew. */
  feed(): void;
  /** Stops counting until it is fed again. */
  pause(): void;
  /** Stops for good. */
  stop(): void;
}

/**
 * Calls `expired` after `limit` milliseconds without being fed. A process that was held up itself (a busy or suspended
 * machine) finds its timers overdue before it reads what has long arrived: so one turn of reading comes first.
 */
export function watchdog(limit: number, expired: () => void): Watchdog {
  let paused = false;
  let lastChance: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    if (!paused) lastChance = setImmediate(expired);
  }, limit);
  return {
    feed() {
      paused = false;
      clearImmediate(lastChance);
      timer.refresh();
    },
    pause() {
      paused = true;
      clearImmediate(lastChance);
    },
    stop() {
      clearTimeout(timer);
      clearImmediate(lastChance);
    },
  };
}
