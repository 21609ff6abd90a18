import { setTimeout as delay } from 'node:timers/promises';
import * as df from 'durable-functions';
import { note } from './notes.ts';

const after = (context: df.OrchestrationContext, milliseconds: number): Date =>
  new Date(context.df.currentUtcDateTime.getTime() + milliseconds);

// Activities

df.app.activity('addOne', {
  handler: async ({ value }: { value: number }, context) => {
    await note('addOne', { value, invocationId: context.invocationId });
    return { value: value + 1 };
  },
});
df.app.activity('sleep', {
  handler: async ({ milliseconds, tag }: { milliseconds: number; tag: string }) => {
    await note('sleep started', { tag });
    await delay(milliseconds);
    await note('sleep ended', { tag });
    return { tag };
  },
});
const attempts = new Map<string, number>();
df.app.activity('failTimes', {
  handler: async ({ key, times }: { key: string; times: number }) => {
    const attempt = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, attempt);
    await note('failTimes', { key, attempt });
    if (attempt <= times) throw new Error(`attempt ${attempt} fails`);
    return { attempt };
  },
});
df.app.activity('payload', {
  handler: ({ characters }: { characters: number }) => ({ text: 'ä'.repeat(characters) }),
});

// Orchestrations

df.app.orchestration('chain', function* (context) {
  const { length } = context.df.getInput<{ length: number }>();
  let value = 0;
  for (let step = 0; step < length; step++) {
    ({ value } = (yield context.df.callActivity('addOne', { value })) as { value: number });
    context.df.setCustomStatus({ value });
  }
  return { value };
});
df.app.orchestration('fanOut', function* (context) {
  const { width, pause } = context.df.getInput<{ width: number; pause: number }>();
  const tasks = Array.from({ length: width }, (_, value) => context.df.callActivity('addOne', { value }));
  const results = (yield context.df.Task.all(tasks)) as { value: number }[];
  if (pause > 0) yield context.df.createTimer(after(context, pause));
  return { sum: results.reduce((sum, { value }) => sum + value, 0) };
});
df.app.orchestration('fanOutSlowly', function* (context) {
  const { width, milliseconds } = context.df.getInput<{ width: number; milliseconds: number }>();
  const tasks = Array.from({ length: width }, (_, tag) =>
    context.df.callActivity('sleep', { milliseconds, tag }),
  );
  const results = (yield context.df.Task.all(tasks)) as unknown[];
  return { width: results.length };
});
df.app.orchestration('retries', function* (context) {
  const {
    key,
    times,
    attempts: most,
  } = context.df.getInput<{ key: string; times: number; attempts: number }>();
  const retry = new df.RetryOptions(50, most);
  // Two retried calls and a plain one side by side, so that task ids must come out the same on both sides.
  const results = (yield context.df.Task.all([
    context.df.callActivityWithRetry('failTimes', retry, { key: `${key}-1`, times }),
    context.df.callActivity('addOne', { value: 1 }),
    context.df.callActivityWithRetry('failTimes', retry, { key: `${key}-2`, times: 1 }),
  ])) as unknown[];
  const after = (yield context.df.callActivity('addOne', { value: 10 })) as { value: number };
  return { results, after };
});
df.app.orchestration('catches', function* (context) {
  try {
    yield context.df.callActivity('failTimes', { key: context.df.instanceId, times: 99 });
    return { caught: null };
  } catch (error) {
    return { caught: (error as Error).message };
  }
});
// eslint-disable-next-line require-yield -- it throws before it would wait for anything
df.app.orchestration('throws', function* () {
  throw new Error('thrown on purpose');
});
df.app.orchestration('waits', function* (context) {
  const { timeout } = context.df.getInput<{ timeout: number }>();
  const event = context.df.waitForExternalEvent('go');
  const timer = context.df.createTimer(after(context, timeout));
  const winner = (yield context.df.Task.any([event, timer])) as df.Task;
  if (winner === event) {
    if (!timer.isCompleted) timer.cancel();
    return { event: event.result };
  }
  return { event: 'timeout' };
});
df.app.orchestration('collects', function* (context) {
  const { count } = context.df.getInput<{ count: number }>();
  const events: unknown[] = [];
  while (events.length < count) {
    const event: unknown = yield context.df.waitForExternalEvent('item');
    events.push(event);
  }
  return { events };
});
df.app.orchestration('counts', function* (context) {
  const { round, until } = context.df.getInput<{ round: number; until: number }>();
  yield context.df.callActivity('addOne', { value: round });
  context.df.setCustomStatus({ round });
  if (round >= until) return { round };
  context.df.continueAsNew({ round: round + 1, until });
  return undefined;
});
df.app.orchestration('calls', function* (context) {
  const { child, input, id } = context.df.getInput<{ child: string; input: unknown; id?: string }>();
  const result: unknown = yield context.df.callSubOrchestrator(child, input, id);
  return { of: context.df.instanceId, child: result };
});
df.app.orchestration('callsMany', function* (context) {
  const { width } = context.df.getInput<{ width: number }>();
  const tasks = Array.from({ length: width }, () => context.df.callSubOrchestrator('chain', { length: 2 }));
  const results: unknown = yield context.df.Task.all(tasks);
  return { results };
});
df.app.orchestration('sleeps', function* (context) {
  const { milliseconds, tag } = context.df.getInput<{ milliseconds: number; tag: string }>();
  const before = (yield context.df.callActivity('addOne', { value: 1 })) as { value: number };
  const slept: unknown = yield context.df.callActivity('sleep', { milliseconds, tag });
  const then = (yield context.df.callActivity('addOne', before)) as { value: number };
  return { slept, value: then.value };
});
df.app.orchestration('payloads', function* (context) {
  const { count, characters } = context.df.getInput<{ count: number; characters: number }>();
  let total = 0;
  for (let step = 0; step < count; step++) {
    const { text } = (yield context.df.callActivity('payload', { characters })) as { text: string };
    total += text.length;
  }
  return { total };
});
df.app.orchestration('callsHttp', function* (context) {
  yield context.df.callHttp({ method: 'GET', url: 'http://127.0.0.1:9/' });
});
df.app.orchestration('callsNobody', function* (context) {
  yield context.df.callActivity('nobody', {});
});

// The client binding

df.app.client.http('start', {
  route: 'start/{name}/{instanceId?}',
  methods: ['POST'],
  handler: async (request, client) => {
    const { name = '', instanceId } = request.params;
    const options = { input: await request.json(), ...(instanceId === undefined ? {} : { instanceId }) };
    const id = await client.startNew(name, options);
    return client.createCheckStatusResponse(request, id);
  },
});
df.app.client.http('raise', {
  route: 'raise/{instanceId}/{name}',
  methods: ['POST'],
  handler: async (request, client) => {
    await client.raiseEvent(request.params['instanceId']!, request.params['name']!, await request.json());
    return { status: 202 };
  },
});
df.app.client.http('look', {
  route: 'look/{instanceId}',
  methods: ['GET'],
  handler: async (request, client) => ({ jsonBody: await client.getStatus(request.params['instanceId']!) }),
});
