import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { FunctionsHostConfig } from '../../config/functions-host.ts';
import { functionsOf, triggeredBy, type AppFunction, type TriggerKind } from './app/function-app.ts';
import { FunctionsCore } from './app/functions-core.ts';
import { Invoker, writeAppLog } from './app/invoker.ts';
import { loadApp } from './app/load-app.ts';
import { Engine } from './durable/engine.ts';
import { openHub } from './durable/hub-storage.ts';
import { ManagementApi } from './durable/management-api.ts';
import { clientBinding, webhookPath, type ManagementAddress } from './durable/management-urls.ts';
import { OrchestrationClient } from './durable/orchestration-client.ts';
import { OrchestratorRunner } from './durable/orchestrator-runner.ts';
import type { CallableFunctions } from './durable/scheduling.ts';
import type { ActivityTask } from './durable/work-store.ts';
import { FunctionAppError } from './errors.ts';
import { readHostConfig } from './host-json.ts';
import { accessKeysOf, keyOfRequest, opensDurable } from './http/access-keys.ts';
import { AdminApi } from './http/admin-api.ts';
import { answer, type Exchange } from './http/exchange.ts';
import { HostServer } from './http/host-server.ts';
import { HttpFunctions } from './http/http-functions.ts';
import { StreamedHttp } from './http/streamed-http.ts';
import { TimerFunctions } from './timers/timer-functions.ts';

/** How long a stopping host waits for what runs. Milliseconds. */
const patience = 3000;

export interface FunctionsHostOptions {
  /** The folder with package.json and host.json. */
  readonly folder: string;
  readonly config: FunctionsHostConfig;
  /** The app's settings (what Azure calls application settings). */
  readonly settings: Readonly<Record<string, string | undefined>>;
  /** Makes settings visible to the app, before it is loaded. */
  readonly publish: (settings: Readonly<Record<string, string>>) => void;
  readonly log: Logger;
}

export interface FunctionsHost {
  /** `http://127.0.0.1:7071` */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Runs a function app: a stand-in for Azure Functions Core Tools and the Durable extension, for one machine.
 * @throws FunctionAppError when the app cannot be run
 */
export async function startFunctionsHost(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const { folder, settings, log } = options;
  const { port, bodyLimit } = options.config;
  const config = await readHostConfig(folder, settings);
  const connectionString = settings[config.connectionName];
  if (connectionString === undefined || connectionString === '') {
    throw new FunctionAppError(
      `The setting ${config.connectionName} is missing: a storage connection string.`,
    );
  }
  if (!/AccountKey=|UseDevelopmentStorage=true/i.test(connectionString)) {
    throw new FunctionAppError(
      `The setting ${config.connectionName} is no storage connection string with a key.`,
    );
  }
  const keys = accessKeysOf(options.config.keys, { storage: connectionString, hubName: config.hubName });

  let serve = notReady;
  const server = await HostServer.listen(port, { serve: (exchange) => serve(exchange), log });
  let serveClient = serve;
  const clientServer = await HostServer.listen(0, { serve: (exchange) => serveClient(exchange), log });
  options.publish({ WEBSITE_HOSTNAME: new URL(server.url).host });

  const core = new FunctionsCore((level, category, message) =>
    writeAppLog(log.child({ category }), level, message),
  );
  await loadApp(folder, core);
  const functions = functionsOf(core);
  const address: ManagementAddress = {
    origin: server.url,
    hubName: config.hubName,
    connectionName: config.connectionName,
    key: keys.durable,
  };
  // The app's Durable client needs no key: its address is known to the app only.
  const secretPath = randomBytes(24).toString('hex');
  const binding = clientBinding(address, `${clientServer.url}/${secretPath}/`);
  const invoker = new Invoker({
    core,
    log,
    durableClientInput: () => binding,
    timeout: config.functionTimeout,
  });
  const invoke = invoker.invoke.bind(invoker);

  const callable = callableOf(functions);
  const storage = await openHub(connectionString, config.hubName);
  const activities = byName(triggeredBy(functions, 'activitytrigger'));
  const engine = new Engine({
    storage,
    maxActivities: config.maxActivities,
    maxOrchestrators: config.maxOrchestrators,
    instanceLease: config.instanceLease,
    activityLease: config.activityLease,
    functions: callable,
    versioning: config.versioning,
    orchestrators: new OrchestratorRunner(invoker, triggeredBy(functions, 'orchestrationtrigger')),
    runActivity: (task) => runActivity(activities, task, invoker),
    log,
  });
  const timers = new TimerFunctions({
    functions: triggeredBy(functions, 'timertrigger'),
    settings,
    table: storage.hosts,
    invoke,
    log,
  });
  const { HttpUri } = await invoker.startApp();
  const http = new HttpFunctions({
    functions: triggeredBy(functions, 'httptrigger'),
    routePrefix: config.routePrefix,
    keys,
    bodyLimit,
    streamed: HttpUri === undefined ? undefined : new StreamedHttp({ address: HttpUri, bodyLimit, invoke }),
    invoke,
    log,
  });
  const client = new OrchestrationClient(engine, callable);
  const management = new ManagementApi({ client, instances: engine.instances, address, bodyLimit });
  const admin = new AdminApi({
    keys,
    functionNames: functions.map(({ name }) => name),
    runTimer: (name) => timers.runNow(name),
  });

  await engine.start();
  serveClient = async (exchange) => {
    if (exchange.path[0] === secretPath) await management.serve(exchange.path.slice(1), exchange, server.url);
    else answer(exchange.response, 404);
  };
  serve = async (exchange) => {
    const { path, url, request, response } = exchange;
    const webhook = webhookPath.split('/');
    if (webhook.every((segment, index) => path[index]?.toLowerCase() === segment)) {
      if (opensDurable(keys, keyOfRequest(request, url.searchParams))) {
        await management.serve(path.slice(webhook.length), exchange, url.origin);
      } else answer(response, 401);
    } else if (path[0]?.toLowerCase() === 'admin') admin.serve(exchange);
    else if (!(await http.serve(exchange))) answer(response, path.length === 0 ? 200 : 404);
  };
  await timers.start();
  for (const line of http.addresses) log.info(line);

  return {
    url: server.url,
    async close() {
      serve = notReady;
      await Promise.all([timers.close(patience), server.close(patience)]);
      await engine.close(patience);
      await clientServer.close(0);
      await invoker.terminateApp();
    },
  };
}

/** Answers while the host starts and while it stops. */
function notReady({ response }: Exchange): Promise<void> {
  answer(response, 503);
  return Promise.resolve();
}

function callableOf(functions: readonly AppFunction<TriggerKind>[]): CallableFunctions {
  const names = (kind: TriggerKind): ReadonlySet<string> =>
    new Set(triggeredBy(functions, kind).map(({ name }) => name.toLowerCase()));
  return { activities: names('activitytrigger'), orchestrators: names('orchestrationtrigger') };
}

function byName(functions: readonly AppFunction[]): ReadonlyMap<string, AppFunction> {
  return new Map(functions.map((called) => [called.name.toLowerCase(), called]));
}

/** Runs an activity function and gives its result as JSON. */
async function runActivity(
  activities: ReadonlyMap<string, AppFunction>,
  task: ActivityTask,
  invoker: Invoker,
): Promise<string> {
  const called = activities.get(task.name.toLowerCase());
  if (called === undefined) throw new FunctionAppError(`The app has no activity function '${task.name}'.`);
  const value = task.input === null ? null : (JSON.parse(task.input) as unknown);
  const { response } = await invoker.invoke(called, {
    input: typeof value === 'string' ? { string: value } : { json: task.input ?? 'null' },
    triggerMetadata: { instanceId: { string: task.instanceId } },
  });
  const { returnValue } = response;
  if (returnValue === undefined || returnValue === null) return 'null';
  if (typeof returnValue.json === 'string') return returnValue.json;
  const plain = returnValue.string ?? returnValue.int ?? returnValue.double;
  if (plain !== undefined && plain !== null) return JSON.stringify(plain);
  return JSON.stringify(Buffer.from(returnValue.bytes ?? []).toString('base64'));
}
