import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const keys = { host: 'the-host-key', master: 'the-master-key' };

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** The compiled Function App in a Functions host of its own. */
export class FunctionApp {
  readonly url: string;
  readonly key = keys.host;
  readonly masterKey = keys.master;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #log: { text: string };

  private constructor(url: string, child: ChildProcess, ended: Promise<unknown>, log: { text: string }) {
    this.url = url;
    this.#child = child;
    this.#ended = ended;
    this.#log = log;
  }

  static async start(settings: Readonly<Record<string, string>>): Promise<FunctionApp> {
    const child = spawn(process.execPath, [resolve('dist/local/functions-host.mjs'), '--port', '0'], {
      env: {
        PATH: process.env['PATH'],
        FUNCTIONS_HOST_KEY: keys.host,
        FUNCTIONS_HOST_MASTER_KEY: keys.master,
        // Never, unless a test asks.
        RESYNC_SCHEDULE: '0 0 0 1 1 *',
        ...settings,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const log = { text: '' };
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log.text += text));
    const ended = once(child, 'exit');
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      ended.then(() => {
        throw new Error(`The Functions host ended: ${log.text}`);
      }),
    ])) as [string];
    return new FunctionApp((JSON.parse(line) as { listening: string }).listening, child, ended, log);
  }

  /** All it has logged. */
  get log(): string {
    return this.#log.text;
  }

  get secrets(): string[] {
    return Object.values(keys);
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    { key = keys.host, raw = false }: { readonly key?: string | undefined; readonly raw?: boolean } = {},
  ): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(key === '' ? {} : { 'x-functions-key': key }) },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    let json: unknown = {};
    try {
      json = JSON.parse(text);
    } catch {
      // Not every answer is JSON.
    }
    return { status: response.status, headers: response.headers, text, json: json as Answer['json'] };
  }

  /** Follows an operation to its end. */
  async follow(operationId: unknown): Promise<Answer['json']> {
    const deadline = Date.now() + 120_000;
    for (;;) {
      const { status, json, text } = await this.call('GET', `/api/operations/${String(operationId)}`);
      if (status !== 200) throw new Error(`Reading the operation answered ${status}`);
      if (json['status'] !== 'running') return json;
      if (Date.now() > deadline) throw new Error(`The operation does not end: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }
}
