import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractApp, type RunningHost } from './functions-host.ts';
import { ended, eventually, start, statusOf } from './orchestrations.ts';

describe('orchestrations', () => {
  let contract: ContractApp;
  let host: RunningHost;

  beforeAll(async () => {
    contract = await ContractApp.create();
    host = await contract.start('orchestrations');
  });
  afterAll(() => contract.close());

  it('runs a chain of activities, each once', async () => {
    const urls = await start(host.url, 'chain', { length: 5 });
    const status = await ended(urls);
    expect(status).toMatchObject({
      runtimeStatus: 'Completed',
      output: { value: 5 },
      customStatus: { value: 5 },
    });
    expect(await contract.notes('addOne')).toHaveLength(5);
  });

  it('fans out and in, with a timer', async () => {
    const status = await ended(await start(host.url, 'fanOut', { width: 20, pause: 1000 }));
    expect(status.output).toEqual({ sum: 210 });
  });

  it('fans out to 500 activities', async () => {
    const status = await ended(await start(host.url, 'fanOut', { width: 500, pause: 0 }));
    expect(status.output).toEqual({ sum: 125250 });
  });

  it('hears an external event', async () => {
    const urls = await start(host.url, 'waits', { timeout: 60_000 });
    await eventually('running', async () => (await statusOf(urls)).runtimeStatus === 'Running');
    await fetch(`${host.url}/api/raise/${urls['id']}/go`, { method: 'POST', body: '{"x":1}' });
    expect((await ended(urls)).output).toEqual({ event: { x: 1 } });
  });

  it('retries with the same task ids on both sides', async () => {
    const status = await ended(await start(host.url, 'retries', { key: 'r', times: 2, attempts: 5 }));
    expect(status).toMatchObject({
      runtimeStatus: 'Completed',
      output: { results: [{ attempt: 3 }, { value: 2 }, { attempt: 2 }], after: { value: 11 } },
    });
  });
});
