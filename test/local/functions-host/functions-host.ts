import { build } from 'esbuild';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from 'vitest';
import { freePort } from '../../../src/local/stack/ports.ts';
import { startAzurite, type Azurite } from '../../../src/local/azurite.ts';
import { eventually } from './orchestrations.ts';

export const keys = { host: 'host-key', master: 'master-key', function: 'own-key' };

export type HostKind = 'local' | 'func';

/** A file that registers functions, or the TypeScript that does. */
export type AppSource = { readonly entryPoint: string } | { readonly contents: string };

const here = import.meta.dirname;

const searchPath = process.env['PATH'] ?? '';
const hasCoreTools = searchPath.split(delimiter).some((folder) => existsSync(join(folder, 'func')));

/**
 * A suite that runs on the local host, and on Azure Functions Core Tools where they are installed: they come from no
 * package registry, so that even a CI machine may lack them.
 */
export function contract(title: string, suite: (kind: HostKind) => void): void {
  describe(`${title} on the local host`, () => suite('local'));
  const without = hasCoreTools ? '' : ' (skipped: func is not on PATH)';
  describe.skipIf(!hasCoreTools)(`${title} on Core Tools${without}`, () => suite('func'));
}

/** A host process that runs the contract app. */
export interface RunningHost {
  readonly url: string;
  readonly pid: number;
  /** What it wrote to its log so far. */
  log(): string;
  /** Ends it and everything it started; the code or signal it ended with. */
  kill(signal: NodeJS.Signals): Promise<string>;
}

/** The contract app in a folder of its own, built, with an Azurite for its state. */
export class ContractApp {
  readonly folder: string;
  readonly azurite: Azurite;
  readonly #hosts: ChildProcess[] = [];

  private constructor(folder: string, azurite: Azurite) {
    this.folder = folder;
    this.azurite = azurite;
  }

  static async create(source: AppSource = { entryPoint: join(here, 'app/main.ts') }): Promise<ContractApp> {
    const folder = await mkdtemp(join(tmpdir(), 'functions-host-'));
    await buildApp(folder, source);
    await cp(join(here, 'app/host.json'), join(folder, 'host.json'));
    const azurite = await startAzurite({
      location: join(folder, 'azurite'),
      accounts: { functions: undefined },
    });
    return new ContractApp(folder, azurite);
  }

  get #notesFile(): string {
    return join(this.folder, 'notes.jsonl');
  }

  /** What the app's functions have noted. */
  async notes(what: string): Promise<Record<string, unknown>[]> {
    const text = await readFile(this.#notesFile, 'utf8').catch(() => '');
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
      OFTEN: '0 0 0 1 1 *',
      NOTES_FILE: this.#notesFile,
    };
  }

  /** Starts a host on the app; throws what it logged when it ends first. */
  async start(hubName: string, { kind = 'local', settings = {} } = {}): Promise<RunningHost> {
    const values = { ...this.settings(hubName), ...settings };
    return kind === 'local' ? this.#startLocal(values) : this.#startCoreTools(values);
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((child) => end(child, 'SIGKILL')));
    await this.azurite.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #startLocal(settings: Record<string, string>): Promise<RunningHost> {
    const program = resolve('dist/local/functions-host.mjs');
    const running = this.#run([process.execPath, program, '--app', this.folder, '--port', '0'], settings);
    const lines = createInterface({ input: running.child.stdout });
    const [line] = (await Promise.race([once(lines, 'line'), running.failed])) as [string];
    return { ...running.host, url: (JSON.parse(line) as { listening: string }).listening };
  }

  async #startCoreTools(settings: Record<string, string>): Promise<RunningHost> {
    const file = join(this.folder, 'local.settings.json');
    await writeFile(file, JSON.stringify({ IsEncrypted: false, Values: settings }));
    const port = await freePort(0);
    const running = this.#run(['func', 'start', '--port', String(port), '--script-root', this.folder], {});
    const url = `http://127.0.0.1:${port}`;
    const ready = eventually(
      'the start of func',
      async () => (await fetch(`${url}/admin/host/status`).catch(() => undefined))?.ok,
      90_000,
    );
    await Promise.race([ready, running.failed]);
    return { ...running.host, url };
  }

  #run(command: readonly string[], settings: Record<string, string>) {
    const [program = '', ...parameters] = command;
    const child = spawn(program, parameters, {
      env: { PATH: searchPath, HOME: this.folder, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that what func starts ends with it.
      detached: true,
    });
    this.#hosts.push(child);
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const failed = once(child, 'exit').then(([code, signal]) => {
      throw new Error(`The host ended with ${String(signal ?? code)}: ${log}`);
    });
    failed.catch(() => undefined);
    const host = {
      pid: child.pid!,
      log: () => log,
      kill: (signal: NodeJS.Signals) => end(child, signal),
    };
    return { child, failed, host };
  }
}

/** Builds an app into a folder, as `func` and the local host expect one. */
export async function buildApp(folder: string, source: AppSource): Promise<void> {
  await build({
    ...('entryPoint' in source
      ? { entryPoints: [source.entryPoint] }
      : { stdin: { contents: source.contents, resolveDir: here, loader: 'ts' } }),
    outfile: join(folder, 'dist/main.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['@azure/functions-core'],
    logLevel: 'error',
  });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'contract', main: 'dist/main.js' }));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<string> {
  if (child.exitCode === null && child.signalCode === null) {
    const exit = once(child, 'exit');
    process.kill(-child.pid!, signal);
    await exit;
  }
  return String(child.signalCode ?? child.exitCode);
}
