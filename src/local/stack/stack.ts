import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataCenterKey } from '../../streams/data-center.ts';
import { AzuriteEndedError, startAzurite, type Azurite } from '../azurite.ts';
import { coreTools, requireCoreTools } from './core-tools.ts';
import { healthy } from './health.ts';
import { writeLocalSettings } from './local-settings.ts';
import type { DataDirectoryLock } from './lock.ts';
import { Ports } from './ports.ts';
import { writePrivateJson } from './private-file.ts';
import { signalProcess } from './process-identity.ts';
import { ProgramEndedError, type Program } from './program.ts';
import * as programs from './programs.ts';
import { writeSettings, type PortName, type StackSettings } from './settings.ts';
import type { FunctionsHost, OutageKind, ProgramState, Restartable } from './stack-parts.ts';
import { describeStack, stackFilePath } from './stack-description.ts';
import type { StackFile } from './stack-file.ts';
import { Supervisor } from './supervisor.ts';

export interface StackOptions {
  readonly place: programs.Place;
  readonly lock: DataDirectoryLock;
  readonly settings: StackSettings;
  /** The settings were made up just now: a port that differs from them is no surprise. */
  readonly fresh: boolean;
  readonly functionsHost: FunctionsHost;
  readonly edgeTimings: string;
  readonly notice: (text: string) => void;
  readonly endedByItself: (name: string, error: ProgramEndedError) => void;
}

const programNames: Readonly<Record<Restartable, string>> = {
  a: 'media-service-a',
  b: 'media-service-b',
  edge: 'edge',
  functions: 'functions-host',
};

const portNames: Readonly<Record<Restartable, PortName>> = {
  a: 'mediaServiceA',
  b: 'mediaServiceB',
  edge: 'edge',
  functions: 'functions',
};

/** What is ended first stands first: nothing loses what it works with. */
const closingOrder = ['functions-host', 'edge', 'media-service-b', 'media-service-a', 'azurite'];

/** Patience with a program that has begun: a busy machine is slow, not broken. */
const patienceMilliseconds = 90_000;

/** Both data centers on this machine, each program a process of its own. */
export class Stack {
  readonly #options: StackOptions;
  readonly #supervisor: Supervisor;
  readonly #ports: Ports;
  readonly #running = new Map<Restartable, { readonly url: string; readonly pid: number }>();
  #azurite: Azurite | undefined;
  #azuritePid: number | undefined;
  #starting: Promise<void> = Promise.resolve();

  constructor(options: StackOptions) {
    this.#options = options;
    this.#ports = new Ports(options.settings.ports, options.fresh, options.notice);
    this.#supervisor = new Supervisor({
      lock: options.lock,
      caretakerScript: join(options.place.packageRoot, 'dist', 'local', 'caretaker.mjs'),
      caretakerLogFile: programs.logFileOf(options.place, 'caretaker'),
      endedByItself: options.endedByItself,
    });
  }

  /**
   * Brings everything up and waits until it is well. Ends in an error when `close` is called meanwhile.
   * @throws CoreToolsMissingError, ProgramEndedError, NotHealthyError, StackClosingError, LocalSettingsInTheWayError
   */
  async start(): Promise<void> {
    this.#starting = this.#startAll();
    await this.#starting;
  }

  async #startAll(): Promise<void> {
    const { functionsHost, place, settings } = this.#options;
    await rm(stackFilePath(place.dataDirectory), { force: true });
    if (functionsHost === 'func') await requireCoreTools(place.environment);
    await this.#startAzurite();
    await Promise.all([this.#startMediaService('a'), this.#startMediaService('b')]);
    if (functionsHost !== 'local') {
      settings.ports.functions = await this.#ports.claim('functions');
      await writeLocalSettings(place.packageRoot, {
        values: this.#workflowSettings(),
        port: settings.ports.functions,
      });
    }
    await Promise.all([this.#startEdge(), ...(functionsHost === 'none' ? [] : [this.#startFunctions()])]);
    await this.#save();
  }

  async #startAzurite(): Promise<void> {
    const { place, settings } = this.#options;
    const location = join(place.dataDirectory, 'storage');
    await mkdir(location, { recursive: true, mode: 0o700 });
    const noted: Promise<void>[] = [];
    const azurite = await unlessPortTaken(async () =>
      startAzurite({
        location,
        accounts: settings.secrets.storageKeys,
        ports: {
          blob: await this.#ports.claim('blob'),
          queue: await this.#ports.claim('queue'),
          table: await this.#ports.claim('table'),
        },
        detached: true,
        started: (pid) => {
          this.#azuritePid = pid;
          noted.push(this.#supervisor.watch('azurite', pid));
        },
      }),
    );
    await Promise.all(noted);
    Object.assign(settings.ports, azurite.ports);
    this.#azurite = azurite;
    this.#supervisor.adopt(
      {
        name: 'azurite',
        pid: azurite.pid,
        url: Promise.resolve(azurite.account('functions').blobUrl),
        exited: azurite.exited,
        close: () => azurite.close(),
      },
      programs.logFileOf(place, 'azurite'),
    );
  }

  async #startMediaService(dataCenter: DataCenterKey): Promise<void> {
    const { place, settings } = this.#options;
    const account = this.#storage.account(`media${dataCenter}`);
    const { clientSecret } = settings.secrets;
    const { url } = await this.#startAt(dataCenter, (port) =>
      programs.mediaService(place, dataCenter, { account, port, clientSecret }),
    );
    await healthy(`${url}/health`, { patienceMilliseconds });
  }

  async #startEdge(): Promise<void> {
    const { place, edgeTimings: timings } = this.#options;
    const [a, b] = [this.#urlOf('a'), this.#urlOf('b')];
    await this.#startAt('edge', (port) => programs.edge(place, { port, a, b, timings }));
  }

  async #startFunctions(): Promise<void> {
    const { place, settings, functionsHost } = this.#options;
    const key = settings.secrets.functionsKey;
    const { url } = await this.#startAt('functions', (port) =>
      functionsHost === 'func'
        ? coreTools(place, { port })
        : programs.localFunctionsHost(place, { port, key, settings: this.#workflowSettings() }),
    );
    await healthy(`${url}/api/health`, { patienceMilliseconds });
  }

  /** Starts a program at its port of old, or at another one when that is taken. */
  async #startAt(name: Restartable, program: (port: number) => Program): Promise<{ url: string }> {
    const { ports } = this.#options.settings;
    return await unlessPortTaken(async () => {
      ports[portNames[name]] = await this.#ports.claim(portNames[name]);
      const running = await this.#supervisor.start(program(ports[portNames[name]]));
      this.#running.set(name, running);
      return running;
    });
  }

  get #storage(): Azurite {
    if (this.#azurite === undefined) throw new Error('The storage emulator has not been started');
    return this.#azurite;
  }

  #programOf(name: Restartable): { readonly url: string; readonly pid: number } {
    const running = this.#running.get(name);
    if (running === undefined) throw new Error(`${programNames[name]} has not been started`);
    return running;
  }

  #urlOf(name: Restartable): string {
    return this.#programOf(name).url;
  }

  #workflowSettings(): Record<string, string> {
    return programs.workflowSettings({
      storage: this.#storage.account('functions'),
      mediaServices: { a: this.#urlOf('a'), b: this.#urlOf('b') },
      clientSecret: this.#options.settings.secrets.clientSecret,
    });
  }

  /** Where the workflow's HTTP API is, with its key; the port of a host that is started by hand. */
  get functions(): { readonly url: string; readonly key: string } {
    const { ports, secrets } = this.#options.settings;
    return { url: `http://127.0.0.1:${ports.functions}`, key: secrets.functionsKey };
  }

  get edgeUrl(): string {
    return this.#urlOf('edge');
  }

  /** Base URL of a data center's streaming endpoint. */
  streamingUrl(dataCenter: DataCenterKey): string {
    return this.#urlOf(dataCenter);
  }

  stateOf(name: Restartable): ProgramState {
    return this.#supervisor.stateOf(programNames[name]);
  }

  /** Takes a data center away: its media service is lost at once, or answers nothing any more. */
  async startOutage(dataCenter: DataCenterKey, kind: OutageKind): Promise<void> {
    const name = programNames[dataCenter];
    if (kind === 'kill') {
      await this.#supervisor.kill(name);
      return;
    }
    // What is gone cannot hang: it comes back first.
    if (this.#supervisor.stateOf(name) === 'ended') await this.endOutage(dataCenter);
    this.#supervisor.hang(name);
  }

  /** Brings a data center back, whatever had ended it, and waits until it is well. */
  async endOutage(dataCenter: DataCenterKey): Promise<void> {
    const name = programNames[dataCenter];
    this.#supervisor.resume(name);
    if (this.#supervisor.stateOf(name) === 'running') {
      await healthy(`${this.#urlOf(dataCenter)}/health`, { patienceMilliseconds });
    } else {
      await this.#startMediaService(dataCenter);
      await this.#save();
    }
  }

  /** Ends a program in order, if it runs, and starts it again. */
  async restart(name: Restartable): Promise<void> {
    if (name === 'functions' && this.#options.functionsHost === 'none') {
      throw new Error('The Functions host was not started by this stack.');
    }
    await this.#supervisor.end(programNames[name]);
    if (name === 'edge') await this.#startEdge();
    else if (name === 'functions') await this.#startFunctions();
    else await this.#startMediaService(name);
    await this.#save();
  }

  /** Keeps the ports for the next start and tells others where everything is. */
  async #save(): Promise<void> {
    const { place, settings } = this.#options;
    await writeSettings(place.dataDirectory, settings);
    await writePrivateJson(stackFilePath(place.dataDirectory), this.#file());
  }

  #file(): StackFile {
    const { functionsHost, settings } = this.#options;
    return describeStack({
      functions:
        functionsHost === 'none'
          ? undefined
          : { ...this.functions, host: functionsHost, pid: this.#programOf('functions').pid },
      mediaServices: { a: this.#programOf('a'), b: this.#programOf('b') },
      edge: this.#programOf('edge'),
      azurite: this.#storage,
      clientSecret: settings.secrets.clientSecret,
    });
  }

  /** Ends everything in order: Functions host, edge, media services, storage. */
  async close(): Promise<void> {
    const { place } = this.#options;
    if (this.#azurite === undefined && this.#azuritePid !== undefined) {
      signalProcess(this.#azuritePid, 'SIGTERM');
    }
    await this.#supervisor.close(closingOrder);
    // What was coming up just then has failed by now, or is ended with the rest.
    await this.#starting.catch(() => undefined);
    await this.#supervisor.close(closingOrder);
    this.#supervisor.release();
    await rm(stackFilePath(place.dataDirectory), { force: true });
  }

  /** Ends everything at once. */
  forceEnd(): void {
    this.#supervisor.forceEnd();
  }
}

/** Starts something again when somebody else took its port between our look and its own. */
async function unlessPortTaken<Started>(start: () => Promise<Started>): Promise<Started> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      const isTaken =
        (error instanceof ProgramEndedError || error instanceof AzuriteEndedError) && error.portTaken;
      if (!isTaken || attempt === 3) throw error;
    }
  }
}
