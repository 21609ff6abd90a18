import { FunctionAppError } from '../errors.ts';
import type {
  FunctionCallback,
  FunctionMetadata,
  HookCallback,
  LogLevel,
  ProgrammingModel,
} from './core-types.ts';

/** The versions this host gives itself out as: those of the real host it was compared with. */
export const versions = { worker: '3.13.0', host: '4.1037.0' };

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

class Disposable {
  static from(...disposables: { dispose(): unknown }[]): Disposable {
    return new Disposable(() => disposables.forEach((disposable) => void disposable.dispose()));
  }

  #onDispose: (() => unknown) | undefined;

  constructor(onDispose: () => unknown) {
    this.#onDispose = onDispose;
  }

  dispose(): void {
    this.#onDispose?.();
    this.#onDispose = undefined;
  }
}

/**
 * The module `@azure/functions-core` that a host supplies to `@azure/functions`: what an app registers while it loads
 * ends up here.
 */
export class FunctionsCore {
  readonly functions: RegisteredFunction[] = [];
  readonly #hooks = new Map<string, HookCallback[]>();
  #locked = false;
  #model: ProgrammingModel | undefined;
  readonly #writeLog: (level: LogLevel, category: string, message: string) => void;

  constructor(writeLog: (level: LogLevel, category: string, message: string) => void) {
    this.#writeLog = writeLog;
  }

  /** The object that `require('@azure/functions-core')` gives. */
  readonly module = {
    version: versions.worker,
    hostVersion: versions.host,
    Disposable,
    setProgrammingModel: (model: ProgrammingModel): void => void (this.#model = model),
    getProgrammingModel: (): ProgrammingModel | undefined => this.#model,
    log: (level: LogLevel, category: string, message: string): void =>
      this.#writeLog(level, category, message),
    registerHook: (name: string, callback: HookCallback): Disposable => this.#registerHook(name, callback),
    registerFunction: (metadata: FunctionMetadata, callback: FunctionCallback): Disposable =>
      this.#registerFunction(metadata, callback),
  };

  /** @throws FunctionAppError when the app loaded without `@azure/functions` */
  get programmingModel(): ProgrammingModel {
    if (this.#model === undefined) {
      throw new FunctionAppError('The app registers no function (it never called app.http, app.timer, …).');
    }
    return this.#model;
  }

  /** From now on nothing more can be registered. */
  lock(): void {
    this.#locked = true;
  }

  async runHooks(name: string, context: unknown): Promise<void> {
    for (const hook of this.#hooks.get(name) ?? []) await hook(context);
  }

  #registerHook(name: string, callback: HookCallback): Disposable {
    const hooks = this.#hooks.get(name) ?? [];
    this.#hooks.set(name, [...hooks, callback]);
    return new Disposable(() =>
      this.#hooks.set(
        name,
        (this.#hooks.get(name) ?? []).filter((hook) => hook !== callback),
      ),
    );
  }

  #registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
    if (this.#locked) {
      throw new FunctionAppError(
        `The function ${metadata.name} is registered after the app has started; register it while it loads.`,
      );
    }
    const registered = { metadata, callback };
    this.functions.push(registered);
    return new Disposable(() => {
      const index = this.functions.indexOf(registered);
      if (index >= 0 && !this.#locked) this.functions.splice(index, 1);
    });
  }
}
