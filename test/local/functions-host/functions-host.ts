import { build } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { startAzurite, type Azurite } from '../../../src/local/azurite.ts';

export const keys = { host: 'host-key', master: 'master-key', function: 'own-key' };

/** A host process that runs the contract app. */
export interface RunningHost {
  readonly url: string;
  readonly pid: number;
  /** What it wrote to its log so far. */
  log(): string;
  kill(signal: NodeJS.Signals): Promise<string>;
}

/** The contract app in a folder of its own, built, with an Azurite for its state. */
export class ContractApp {
  readonly folder: string;
  readonly azurite: Azurite;
  private readonly hosts: ChildProcess[] = [];

  private constructor(folder: string, azurite: Azurite) {
    this.folder = folder;
    this.azurite = azurite;
  }

  static async create(entry = 'app/main.ts'): Promise<ContractApp> {
    const folder = await mkdtemp(join(tmpdir(), 'functions-host-'));
    const here = import.meta.dirname;
    await build({
      entryPoints: [join(here, entry)],
      outfile: join(folder, 'dist/main.js'),
      bundle: true,
      platform: 'node',
      format: 'cjs',
      external: ['@azure/functions-core'],
      logLevel: 'error',
    });
    await cp(join(here, 'app/host.json'), join(folder, 'host.json'));
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'contract', main: 'dist/main.js' }));
    await symlink(resolve('node_modules'), join(folder, 'node_modules'));
    const azurite = await startAzurite({
      location: join(folder, 'azurite'),
      accounts: { functions: undefined },
    });
    return new ContractApp(folder, azurite);
  }

  get notesFile(): string {
    return join(this.folder, 'notes.jsonl');
  }

  /** What the app's functions have noted. */
  async notes(what: string): Promise<Record<string, unknown>[]> {
    const text = await readFile(this.notesFile, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((note) => note['what'] === what);
  }

  settings(hubName: string): Record<string, string> {
    return {
      AzureWebJobsStorage: this.azurite.account('functions').connectionString,
      FUNCTIONS_WORKER_RUNTIME: 'node',
      FUNCTIONS_HOST_KEY: keys.host,
      FUNCTIONS_HOST_MASTER_KEY: keys.master,
      FUNCTIONS_HOST_KEY__guarded: keys.function,
      HUB_NAME: hubName,
      EVERY_SECOND: '0 0 0 1 1 *',
      NOTES_FILE: this.notesFile,
    };
  }

  /** Starts a host on the app; throws what it logged when it ends first. */
  async start(hubName: string, settings: Record<string, string> = {}): Promise<RunningHost> {
    const child = spawn(
      process.execPath,
      [resolve('dist/local/functions-host.mjs'), '--app', this.folder, '--port', '0'],
      {
        env: { PATH: process.env['PATH'], ...this.settings(hubName), ...settings },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    this.hosts.push(child);
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const ended = once(child, 'exit').then(([code, signal]) => String(signal ?? code));
    const [line] = (await Promise.race([
      once(createInterface({ input: child.stdout }), 'line'),
      ended.then((how) => {
        throw new Error(`The host ended with ${how}: ${log}`);
      }),
    ])) as [string];
    return {
      url: (JSON.parse(line) as { listening: string }).listening,
      pid: child.pid!,
      log: () => log,
      async kill(signal) {
        child.kill(signal);
        return ended;
      },
    };
  }

  async close(): Promise<void> {
    for (const child of this.hosts)
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await this.azurite.close();
    await rm(this.folder, { recursive: true });
  }
}
