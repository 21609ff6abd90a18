import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractApp, type RunningHost } from './functions-host.ts';
import { killAtRandom, on } from './kills.ts';
import { ended, eventually, raise, running, start, statusOf } from './orchestrations.ts';

describe('a host that is killed', () => {
  let app: ContractApp;
  beforeAll(async () => (app = await ContractApp.create()));
  afterAll(() => app.close());

  // test/soak takes many.
  it.each([11, 12])('at any moment (seed %i) loses and doubles nothing', (seed) => killAtRandom(app, seed));

  it('runs the activity in flight again, and no finished one', async () => {
    const first = await app.start('inflight');
    const urls = await start(first.url, 'sleeps', { milliseconds: 1500, tag: 'inflight' });
    await eventually('the activity', async () =>
      (await app.notes('sleep started')).some(({ tag }) => tag === 'inflight'),
    );
    const finished = (await app.notes('addOne')).length;
    await first.kill('SIGKILL');
    const second = await app.start('inflight');
    expect(await ended(on(second, urls))).toMatchObject({ output: { slept: { tag: 'inflight' }, value: 3 } });
    const started = (await app.notes('sleep started')).filter(({ tag }) => tag === 'inflight');
    expect(started.map(({ pid }) => pid)).toEqual([first.pid, second.pid]);
    expect(await app.notes('addOne')).toHaveLength(finished + 1);
    await second.kill('SIGKILL');
  });

  it('finds timers, events and payloads again', async () => {
    const first = await app.start('again');
    const timer = await start(first.url, 'waits', { timeout: 2000 });
    const event = await start(first.url, 'waits', { timeout: 60_000 });
    const large = await start(first.url, 'payloads', { count: 6, characters: 400_000 });
    await running(timer);
    await running(event);
    await eventually(
      'a payload',
      async () => (await statusOf(large, '&showHistory=true')).historyEvents?.length === 3,
    );
    await first.kill('SIGKILL');
    const second = await app.start('again');
    expect((await raise(on(second, event), 'go', { late: true })).status).toBe(202);
    expect((await ended(on(second, event))).output).toEqual({ event: { late: true } });
    expect((await ended(on(second, timer))).output).toEqual({ event: 'timeout' });
    expect((await ended(on(second, large))).output).toEqual({ total: 2_400_000 });
    await second.kill('SIGKILL');
  });

  it('in order lets its successor go on at once', async () => {
    const first = await app.start('inorder');
    const urls = await start(first.url, 'sleeps', { milliseconds: 20_000, tag: 'inorder' });
    await eventually('the activity', async () =>
      (await app.notes('sleep started')).some(({ tag }) => tag === 'inorder'),
    );
    const before = Date.now();
    expect(await first.kill('SIGTERM')).toBe('0');
    expect(Date.now() - before).toBeLessThan(10_000);
    const second = await app.start('inorder');
    await eventually('the activity again', async () =>
      (await app.notes('sleep started')).some(({ tag, pid }) => tag === 'inorder' && pid === second.pid),
    );
    await fetch(on(second, urls)['terminatePostUri']!.replace('{text}', 'enough'), { method: 'POST' });
    expect((await ended(on(second, urls))).runtimeStatus).toBe('Terminated');
    await second.kill('SIGKILL');
  });
});

describe('two hosts of one hub', () => {
  let app: ContractApp;
  let hosts: RunningHost[];
  beforeAll(async () => {
    app = await ContractApp.create();
    const settings = { AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions: '4' };
    hosts = await Promise.all([app.start('shared', { settings }), app.start('shared', { settings })]);
  });
  afterAll(() => app.close());

  it('share the activities, each run once', async () => {
    const [first, second] = hosts as [RunningHost, RunningHost];
    const urls = await start(first.url, 'fanOutSlowly', { width: 60, milliseconds: 300 });
    expect((await ended(urls)).output).toEqual({ width: 60 });
    const notes = await app.notes('sleep started');
    expect(notes).toHaveLength(60);
    expect(new Set(notes.map(({ pid }) => pid))).toEqual(new Set([first.pid, second.pid]));
  });

  it('reach each other’s instances', async () => {
    const [first, second] = hosts as [RunningHost, RunningHost];
    const urls = await start(first.url, 'waits', { timeout: 60_000 });
    await running(urls);
    expect((await raise(on(second, urls), 'go', { from: 'second' })).status).toBe(202);
    expect((await ended(on(second, urls))).output).toEqual({ event: { from: 'second' } });
  });

  it('take over from each other', async () => {
    const [first, second] = hosts as [RunningHost, RunningHost];
    const urls = await start(first.url, 'waits', { timeout: 1500 });
    await running(urls);
    await first.kill('SIGKILL');
    expect((await ended(on(second, urls))).output).toEqual({ event: 'timeout' });
  });
});
