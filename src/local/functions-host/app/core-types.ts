/**
 * The shapes that `@azure/functions` and a Functions host exchange: the JavaScript side of the Functions RPC protocol
 * (azure-functions-language-worker-protobuf, FunctionRpc.proto), as far as this host speaks it.
 */
export type LogLevel = 'trace' | 'debug' | 'information' | 'warning' | 'error' | 'critical' | 'none';

/** One value on its way in or out: exactly one of these is set. */
export interface TypedData {
  readonly string?: string | null;
  readonly json?: string | null;
  readonly bytes?: Uint8Array | null;
  readonly int?: number | null;
  readonly double?: number | null;
  readonly http?: HttpData | null;
}

interface Nullable<Value> {
  readonly value?: Value | null;
}

export interface HttpCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: Nullable<string> | null;
  readonly path?: Nullable<string> | null;
  readonly expires?: Nullable<{ readonly seconds?: number }> | null;
  readonly secure?: Nullable<boolean> | null;
  readonly httpOnly?: Nullable<boolean> | null;
  readonly sameSite?: string | null;
  readonly maxAge?: Nullable<number> | null;
}

export interface HttpData {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: TypedData | null;
  readonly statusCode?: string;
  readonly cookies?: readonly HttpCookie[];
}

export interface BindingInfo {
  readonly type: string;
  readonly direction: 'in' | 'out';
  readonly [option: string]: unknown;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, BindingInfo>>;
  readonly retryOptions?: unknown;
}

export type FunctionCallback = (...inputs: unknown[]) => unknown;
export type HookCallback = (context: unknown) => unknown;

/** What a call of `InvocationModel` needs to know of one invocation. */
export interface InvocationCoreContext {
  readonly invocationId: string;
  readonly metadata: FunctionMetadata;
  readonly request: {
    readonly invocationId: string;
    readonly functionId: string;
    readonly inputData: readonly { readonly name: string; readonly data: TypedData }[];
    readonly triggerMetadata: Readonly<Record<string, TypedData>>;
    readonly traceContext?: { readonly traceParent?: string; readonly traceState?: string };
  };
  state: 'preInvocationHooks' | 'postInvocationHooks' | undefined;
  log(level: LogLevel, category: string, message: string): void;
}

export interface InvocationResponse {
  readonly returnValue?: TypedData | null;
}

/** Implemented by `@azure/functions`. */
export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>;
  invokeFunction(context: unknown, inputs: unknown[], handler: FunctionCallback): Promise<unknown>;
  getResponse(context: unknown, result: unknown): Promise<InvocationResponse>;
}

/** Implemented by `@azure/functions`. */
export interface ProgrammingModel {
  readonly name: string;
  readonly version: string;
  getInvocationModel(context: InvocationCoreContext): InvocationModel;
  getCapabilities(capabilities: Record<string, string>): Promise<Record<string, string | undefined>>;
}
