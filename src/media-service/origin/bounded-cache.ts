import { setMaxListeners } from 'node:events';

/** Someone who waits; aborted when gone. Read the signal only to wait: making one costs. */
export interface Client {
  readonly signal: AbortSignal;
}

/** Makes the interest of one client; it may wait for many things at once, for each track of a large asset one. */
export function createClient(): AbortController {
  const controller = new AbortController();
  // Else Node takes more than ten listeners for a leak and says so on stderr.
  setMaxListeners(0, controller.signal);
  return controller;
}

/**
 * A cache bounded in bytes: what was used longest ago goes first. Loads of one key at the same time are one load; it is
 * aborted when everybody who waits for it has gone; its errors reach those who wait and are not kept.
 */
export class BoundedCache<Value> {
  readonly #limit: number;
  readonly #sizeOf: (value: Value) => number;
  readonly #entries = new Map<string, { readonly value: Value; readonly bytes: number }>();
  readonly #loads = new Map<string, SharedLoad<Value>>();
  #bytes = 0;

  /**
   * @param limit bytes; 0 keeps nothing
   * @param sizeOf the bytes a value holds
   */
  constructor(limit: number, sizeOf: (value: Value) => number) {
    this.#limit = limit;
    this.#sizeOf = sizeOf;
  }

  /** Bytes of what is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Forgets what is kept under the key. */
  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  /** What is kept under the key; counts as a use. */
  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /**
   * What is kept under the key, else what `load` answers.
   * @param client when gone, this call rejects with its signal's reason
   */
  async getOrLoad(key: string, client: Client, load: (client: Client) => Promise<Value>): Promise<Value> {
    const kept = this.get(key);
    if (kept !== undefined) return kept;
    let shared = this.#loads.get(key);
    if (shared === undefined) {
      const started = new SharedLoad(load);
      shared = started;
      this.#loads.set(key, started);
      const forget = (): void => {
        if (this.#loads.get(key) === started) this.#loads.delete(key);
      };
      started.abandoned.addEventListener('abort', forget);
      void started.result
        .then((value) => this.set(key, value))
        .catch(() => undefined)
        .finally(forget);
    }
    return shared.wait(client.signal);
  }

  /** Keeps a value, as far as the limit allows. */
  set(key: string, value: Value): void {
    const bytes = this.#sizeOf(value);
    if (bytes > this.#limit) return;
    this.delete(key);
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#limit) return;
      this.#entries.delete(oldest);
      this.#bytes -= entry.bytes;
    }
  }
}

/** A load that several wait for. */
class SharedLoad<Value> {
  readonly result: Promise<Value>;
  readonly #controller = createClient();
  #waiting = 0;

  constructor(load: (client: Client) => Promise<Value>) {
    this.result = load(this.#controller);
    // Those who wait are told; with none left nobody is.
    this.result.catch(() => undefined);
  }

  /** Aborted when nobody waits any more. */
  get abandoned(): AbortSignal {
    return this.#controller.signal;
  }

  async wait(signal: AbortSignal): Promise<Value> {
    signal.throwIfAborted();
    this.#waiting += 1;
    let leave = (): void => undefined;
    const gone = new Promise<never>((_, reject) => {
      leave = () => reject(signal.reason as Error);
    });
    signal.addEventListener('abort', leave, { once: true });
    try {
      return await Promise.race([this.result, gone]);
    } finally {
      signal.removeEventListener('abort', leave);
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#controller.abort();
    }
  }
}
