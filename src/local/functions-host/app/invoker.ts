import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { messageOf } from '../../../message-of.ts';
import type { InvocationCoreContext, InvocationResponse, LogLevel, TypedData } from './core-types.ts';
import type { AppFunction } from './function-app.ts';
import type { FunctionsCore } from './functions-core.ts';

/** A function ran longer than host.json's functionTimeout. */
export class FunctionTimeoutError extends Error {
  override readonly name = 'FunctionTimeoutError';
  readonly code = 'function-timeout';

  constructor(name: string, timeout: number) {
    super(`Timeout value of ${timeout / 1000} s was exceeded by function: ${name}`);
  }
}

export interface Invocation {
  readonly invocationId?: string;
  /** The trigger's value; absent when it reaches the function in another way (a streamed HTTP request). */
  readonly input: TypedData;
  readonly triggerMetadata?: Readonly<Record<string, TypedData>>;
  readonly traceParent?: string | undefined;
}

export interface InvocationOutcome {
  readonly response: InvocationResponse;
  /** What the function returned, before it was turned into a response. */
  readonly result: unknown;
}

const pinoLevels = {
  trace: 'trace',
  debug: 'debug',
  information: 'info',
  warning: 'warn',
  error: 'error',
  critical: 'fatal',
  none: 'silent',
} as const satisfies Record<LogLevel, string>;

/** Writes a line of the app or of `@azure/functions` to the host's log. */
export function writeAppLog(log: Logger, level: LogLevel, message: string): void {
  log[pinoLevels[level]](message);
}

/** Calls functions as the Node worker does: arguments, hooks, handler, hooks, response. */
export class Invoker {
  readonly #core: FunctionsCore;
  readonly #log: Logger;
  readonly #durableClientInput: () => unknown;
  /** Milliseconds; infinite: no limit. */
  readonly #timeout: number;
  readonly #appHookData: Record<string, unknown> = {};

  constructor(options: {
    core: FunctionsCore;
    log: Logger;
    durableClientInput: () => unknown;
    timeout: number;
  }) {
    this.#core = options.core;
    this.#log = options.log;
    this.#durableClientInput = options.durableClientInput;
    this.#timeout = options.timeout;
  }

  async startApp(): Promise<Record<string, string | undefined>> {
    await this.#core.runHooks('appStart', { hookData: {}, appHookData: this.#appHookData });
    this.#core.lock();
    return this.#core.programmingModel.getCapabilities({});
  }

  async terminateApp(): Promise<void> {
    await this.#core.runHooks('appTerminate', { hookData: {}, appHookData: this.#appHookData });
  }

  /**
   * Calls a function.
   * @throws what the function throws
   * @throws FunctionTimeoutError
   */
  async invoke(called: AppFunction, invocation: Invocation): Promise<InvocationOutcome> {
    const call = this.#call(called, invocation);
    if (!Number.isFinite(this.#timeout)) return call;
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new FunctionTimeoutError(called.name, this.#timeout)), this.#timeout);
    });
    try {
      return await Promise.race([call, tooLong]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #call(called: AppFunction, invocation: Invocation): Promise<InvocationOutcome> {
    const invocationId = invocation.invocationId ?? randomUUID();
    const log = this.#log.child({ function: called.name, invocationId });
    const core = this.#coreContext(called, { ...invocation, invocationId }, log);
    const model = this.#core.programmingModel.getInvocationModel(core);
    const { context, inputs } = await model.getArguments();
    const hookData = {};
    const shared = { hookData, appHookData: this.#appHookData, invocationContext: context };

    const before = { ...shared, functionCallback: called.callback, inputs };
    core.state = 'preInvocationHooks';
    await this.#core.runHooks('preInvocation', before);
    core.state = undefined;

    const after: { result: unknown; error: unknown } & Record<string, unknown> = {
      ...shared,
      inputs: before.inputs,
      result: undefined,
      error: undefined,
    };
    try {
      after.result = await model.invokeFunction(context, before.inputs, before.functionCallback);
    } catch (error) {
      after.error = error;
    }
    core.state = 'postInvocationHooks';
    await this.#core.runHooks('postInvocation', after);
    core.state = undefined;
    // A hook may clear the error; whatever is thrown must arrive as it was.
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    if (after.error !== undefined && after.error !== null) throw after.error;
    return { response: await model.getResponse(context, after.result), result: after.result };
  }

  #coreContext(
    called: AppFunction,
    invocation: Invocation & { invocationId: string },
    log: Logger,
  ): InvocationCoreContext {
    const { invocationId, traceParent } = invocation;
    const clients = Object.entries(called.metadata.bindings)
      .filter(([, { type }]) => /^(durable|orchestration)Client$/i.test(type))
      .map(([name]) => ({ name, data: { json: JSON.stringify(this.#durableClientInput()) } }));
    return {
      invocationId,
      metadata: called.metadata,
      request: {
        invocationId,
        functionId: called.name,
        inputData: [{ name: called.trigger.bindingName, data: invocation.input }, ...clients],
        triggerMetadata: invocation.triggerMetadata ?? {},
        ...(traceParent === undefined ? {} : { traceContext: { traceParent } }),
      },
      state: undefined,
      log: (level, category, message) => {
        const context = { level, category, message, hookData: {}, appHookData: this.#appHookData };
        this.#core.runHooks('log', context).catch((error: unknown) => {
          log.error({ error: messageOf(error) }, 'A log hook of the app failed');
        });
        writeAppLog(log, context.level, context.message);
      },
    };
  }
}
