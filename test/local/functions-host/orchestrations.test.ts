import { afterAll, beforeAll, expect, it } from 'vitest';
import { ContractApp, contract, type RunningHost } from './functions-host.ts';
import { ended, eventually, raise, running, start, statusOf } from './orchestrations.ts';

contract('orchestrations', (kind) => {
  let app: ContractApp;
  let host: RunningHost;

  beforeAll(async () => {
    app = await ContractApp.create();
    host = await app.start(`orchestrations${kind}`, { kind });
  });
  afterAll(() => app.close());

  it('run a chain of activities, each once', async () => {
    const status = await ended(await start(host.url, 'chain', { length: 5 }));
    expect(status).toMatchObject({
      name: 'chain',
      runtimeStatus: 'Completed',
      input: { length: 5 },
      output: { value: 5 },
      customStatus: { value: 5 },
    });
    expect(await app.notes('addOne')).toHaveLength(5);
  });

  it('fan out and in, and sleep', async () => {
    const status = await ended(await start(host.url, 'fanOut', { width: 20, pause: 1000 }));
    expect(status.output).toEqual({ sum: 210 });
  });

  it('fan out to 500 activities', async () => {
    const status = await ended(await start(host.url, 'fanOut', { width: 500, pause: 0 }), 50_000);
    expect(status.output).toEqual({ sum: 125_250 });
  });

  it('retry with the same task ids on both sides', async () => {
    const status = await ended(await start(host.url, 'retries', { key: `${kind}-a`, times: 2, attempts: 5 }));
    expect(status).toMatchObject({
      runtimeStatus: 'Completed',
      output: { results: [{ attempt: 3 }, { value: 2 }, { attempt: 2 }], after: { value: 11 } },
    });
  });

  it('give up retrying after the last attempt', async () => {
    const status = await ended(await start(host.url, 'retries', { key: `${kind}-b`, times: 9, attempts: 3 }));
    expect(status.runtimeStatus).toBe('Failed');
    expect(status.output).toMatch(
      /^Orchestrator function 'retries' failed: Activity function 'failTimes' failed: /,
    );
    const tried = await app.notes('failTimes');
    expect(tried.filter(({ key }) => key === `${kind}-b-1`)).toHaveLength(3);
  });

  it('catch the failure of an activity', async () => {
    const status = await ended(await start(host.url, 'catches', {}));
    expect(status.runtimeStatus).toBe('Completed');
    expect(JSON.stringify(status.output)).toContain("Activity function 'failTimes' failed: attempt 1 fails");
  });

  it('fail with the text of what they throw', async () => {
    const status = await ended(await start(host.url, 'throws', {}));
    expect(status.runtimeStatus).toBe('Failed');
    expect(status.output).toBe("Orchestrator function 'throws' failed: thrown on purpose");
  });

  it('fail at once when they call an activity that is not there', async () => {
    const status = await ended(await start(host.url, 'callsNobody', {}));
    expect(status.runtimeStatus).toBe('Failed');
    expect(status.output).toContain("The function 'nobody' doesn't exist");
  });

  it('hear an event before the timer', async () => {
    const urls = await start(host.url, 'waits', { timeout: 60_000 });
    await running(urls);
    await raise(urls, 'go', { x: 1 });
    expect((await ended(urls)).output).toEqual({ event: { x: 1 } });
  });

  it('go on at the timer when no event comes', async () => {
    const urls = await start(host.url, 'waits', { timeout: 300 });
    expect((await ended(urls)).output).toEqual({ event: 'timeout' });
  });

  it('take in events in the order in which they came, early ones too', async () => {
    const urls = await start(host.url, 'collects', { count: 5 });
    for (let item = 0; item < 5; item++) await raise(urls, 'item', { item });
    expect((await ended(urls)).output).toEqual({ events: [0, 1, 2, 3, 4].map((item) => ({ item })) });
  });

  it('leave an event alone that has another name', async () => {
    const urls = await start(host.url, 'waits', { timeout: 1000 });
    await raise(urls, 'GO', { x: 1 });
    expect((await ended(urls)).output).toEqual({ event: 'timeout' });
  });

  it('continue as new', async () => {
    const urls = await start(host.url, 'counts', { round: 1, until: 4 });
    const status = await ended(urls);
    expect(status).toMatchObject({ output: { round: 4 }, customStatus: { round: 4 } });
    const { historyEvents } = await statusOf(urls, '&showHistory=true');
    expect(historyEvents?.filter(({ EventType }) => EventType === 'TaskCompleted')).toHaveLength(1);
  });

  it('call sub-orchestrations side by side', async () => {
    const status = await ended(await start(host.url, 'callsMany', { width: 6 }));
    expect(status.output).toEqual({ results: Array.from({ length: 6 }, () => ({ value: 2 })) });
  });

  it('give a sub-orchestration the id they choose', async () => {
    const id = `${kind}-child`;
    const urls = await start(host.url, 'calls', { child: 'chain', input: { length: 1 }, id });
    expect((await ended(urls)).output).toEqual({ of: urls['id'], child: { value: 1 } });
    const child = await statusOf({ statusQueryGetUri: urls['statusQueryGetUri']!.replace(urls['id']!, id) });
    expect(child).toMatchObject({ runtimeStatus: 'Completed', output: { value: 1 } });
  });

  it('fail with the text of a sub-orchestration that fails', async () => {
    const status = await ended(await start(host.url, 'calls', { child: 'throws', input: {} }));
    expect(status.runtimeStatus).toBe('Failed');
    expect(status.output).toMatch(
      /^Orchestrator function 'calls' failed: Orchestrator function 'throws' failed: thrown on purpose/,
    );
  });

  it('carry payloads larger than a table row', async () => {
    const urls = await start(host.url, 'payloads', { count: 3, characters: 700_000 });
    expect((await ended(urls)).output).toEqual({ total: 2_100_000 });
  });

  it('show their history', async () => {
    const urls = await start(host.url, 'chain', { length: 2 });
    await ended(urls);
    const { historyEvents = [] } = await statusOf(urls, '&showHistory=true&showHistoryOutput=true');
    expect(historyEvents.map(({ EventType }) => EventType)).toEqual([
      'ExecutionStarted',
      'TaskCompleted',
      'TaskCompleted',
      'ExecutionCompleted',
    ]);
    expect(historyEvents[1]).toMatchObject({ FunctionName: 'addOne', Result: { value: 1 } });
  });

  it('are seen by the app through its client', async () => {
    const urls = await start(host.url, 'chain', { length: 1 });
    await ended(urls);
    const seen = await fetch(`${host.url}/api/look/${urls['id']}`);
    expect(await seen.json()).toMatchObject({ runtimeStatus: 'Completed', output: { value: 1 } });
    const raised = await fetch(`${host.url}/api/raise/${urls['id']}/go`, { method: 'POST', body: '{}' });
    expect(raised.status).toBe(202);
    expect((await fetch(`${host.url}/api/look/nobody`)).status).toBe(500);
  });

  it('start again, without their history, when their id has ended', async () => {
    const id = `${kind}-again`;
    await ended(await start(host.url, 'chain', { length: 3 }, id));
    const urls = await start(host.url, 'waits', { timeout: 60_000 }, id);
    await eventually('the second run', async () => (await statusOf(urls)).name === 'waits');
    await running(urls);
    await raise(urls, 'go', {});
    expect(await ended(urls)).toMatchObject({ name: 'waits', output: { event: {} } });
    const { historyEvents } = await statusOf(urls, '&showHistory=true');
    expect(historyEvents?.filter(({ EventType }) => EventType === 'TaskCompleted')).toEqual([]);
  });
});
