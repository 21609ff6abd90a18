import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

/** A storage account of an emulator. */
export interface EmulatedAccount {
  readonly name: string;
  /** Base64. */
  readonly key: string;
  readonly blobUrl: string;
  readonly queueUrl: string;
  readonly tableUrl: string;
  readonly connectionString: string;
}

export interface Azurite {
  readonly pid: number;
  readonly ports: { readonly blob: number; readonly queue: number; readonly table: number };
  account(name: string): EmulatedAccount;
  /** Ends with the process: the code or signal it ended with. */
  readonly exited: Promise<string>;
  /** Stops it in order (what was acknowledged is kept). */
  close(): Promise<void>;
}

export interface AzuriteOptions {
  /** The folder for its data. No two processes may share one. */
  readonly location: string;
  /** The accounts to serve, each with its base64 key; a key is made up for one without. */
  readonly accounts: Readonly<Record<string, string | undefined>>;
  /** 0: any free port. */
  readonly ports?: { readonly blob: number; readonly queue: number; readonly table: number };
  /** More command-line options, e.g. `--oauth basic --cert … --key …`; with a certificate the URLs are https. */
  readonly extraArguments?: readonly string[];
  /** Gives it a process group of its own: a Ctrl-C at the terminal does not reach it. */
  readonly detached?: boolean;
  /** Called as soon as the process exists, before it listens. */
  readonly started?: (pid: number) => void;
}

/** The storage emulator ended before it listened. */
export class AzuriteEndedError extends Error {
  override readonly name = 'AzuriteEndedError';
  readonly code = 'azurite-ended';
  /** Somebody else has one of the ports. */
  readonly portTaken: boolean;

  constructor(how: string, said: string) {
    super(`Azurite ended with ${how} before it listened: ${said}`);
    this.portTaken = said.includes('EADDRINUSE');
  }
}

const announcement = /Azurite (Blob|Queue|Table) service is successfully listening at https?:\/\/[^:]+:(\d+)/;

/**
 * Starts the storage emulator as a process of its own, on 127.0.0.1 (one spelling everywhere: Azurite's signatures
 * depend on it).
 * @throws AzuriteEndedError
 */
export async function startAzurite(options: AzuriteOptions): Promise<Azurite> {
  const keys = Object.fromEntries(
    Object.entries(options.accounts).map(([name, key]) => [name, key ?? randomBytes(64).toString('base64')]),
  );
  const asked = options.ports ?? { blob: 0, queue: 0, table: 0 };
  const program = createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js');
  const extra = options.extraArguments ?? [];
  const child = spawn(
    process.execPath,
    [
      program,
      ...['--location', options.location, '--silent', '--skipApiVersionCheck', '--disableTelemetry'],
      ...['--blobHost', '127.0.0.1', '--blobPort', String(asked.blob)],
      ...['--queueHost', '127.0.0.1', '--queuePort', String(asked.queue)],
      ...['--tableHost', '127.0.0.1', '--tablePort', String(asked.table)],
      ...extra,
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: options.detached ?? false,
      env: {
        AZURITE_ACCOUNTS: Object.entries(keys)
          .map(([name, key]) => `${name}:${key}`)
          .join(';'),
      },
    },
  );
  if (child.pid !== undefined) options.started?.(child.pid);
  const exited = once(child, 'exit').then(([code, signal]) => String(signal ?? code));
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));

  const found = new Map<string, number>();
  const listening = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const match = announcement.exec(line);
      if (match?.[1] !== undefined) found.set(match[1].toLowerCase(), Number(match[2]));
      if (found.size === 3) resolve();
    });
  });
  await Promise.race([
    listening,
    exited.then((how) => {
      throw new AzuriteEndedError(how, errors.trim());
    }),
  ]);
  const port = (service: string): number => found.get(service) ?? 0;
  const ports = { blob: port('blob'), queue: port('queue'), table: port('table') };
  const scheme = extra.includes('--cert') ? 'https' : 'http';

  return {
    pid: child.pid ?? 0,
    ports,
    exited,
    account(name) {
      const key = keys[name];
      if (key === undefined) throw new Error(`Azurite was started without an account ${name}`);
      const at = (servicePort: number): string => `${scheme}://127.0.0.1:${servicePort}/${name}`;
      const [blobUrl, queueUrl, tableUrl] = [at(ports.blob), at(ports.queue), at(ports.table)];
      return {
        name,
        key,
        blobUrl,
        queueUrl,
        tableUrl,
        connectionString:
          `DefaultEndpointsProtocol=${scheme};AccountName=${name};AccountKey=${key};` +
          `BlobEndpoint=${blobUrl};QueueEndpoint=${queueUrl};TableEndpoint=${tableUrl};`,
      };
    },
    async close() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}
