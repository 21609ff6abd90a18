import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ContractApp, keys, type RunningHost } from './functions-host.ts';
import { eventually } from './orchestrations.ts';

describe('timer functions', () => {
  let app: ContractApp;
  beforeAll(async () => (app = await ContractApp.create()));
  afterAll(() => app.close());

  it('fire by hand, with the master key', async () => {
    const host = await app.start('byhand');
    const fire = (key: string, name = 'never'): Promise<Response> =>
      fetch(`${host.url}/admin/functions/${name}`, {
        method: 'POST',
        headers: { 'x-functions-key': key, 'content-type': 'application/json' },
        body: '{"input":""}',
      });
    expect((await fire(keys.host)).status).toBe(401);
    expect((await fire(keys.master, 'nobody')).status).toBe(404);
    expect(await app.notes('never')).toEqual([]);
    expect((await fire(keys.master)).status).toBe(202);
    await eventually('the timer', async () => (await app.notes('never')).length === 1);
    expect(await app.notes('never')).toMatchObject([{ isPastDue: false }]);
    await host.kill('SIGTERM');
  });

  it('fire by their schedule on one host of two, once an occurrence', async () => {
    const settings = { OFTEN: '* * * * * *' };
    const hosts: RunningHost[] = await Promise.all([
      app.start('schedule', { settings }),
      app.start('schedule', { settings }),
    ]);
    const notes = await eventually('some runs', async () => {
      const found = await app.notes('often');
      return found.length >= 3 && found;
    });
    const seconds = notes.map(({ at }) => Math.floor(Number(at) / 1000));
    expect(new Set(seconds).size).toBe(seconds.length);
    await Promise.all(hosts.map((host) => host.kill('SIGTERM')));
  });

  it('make up for a run that was missed, once', async () => {
    const settings = { OFTEN: '* * * * * *' };
    const first = await app.start('missed', { settings });
    const before = (await app.notes('often')).length;
    await eventually('a run', async () => (await app.notes('often')).length > before);
    await first.kill('SIGKILL');
    const missed = Date.now() + 1000;
    await eventually('a missed occurrence', () => Promise.resolve(Date.now() > missed));
    const second = await app.start('missed', { settings });
    await eventually('a late run', async () =>
      (await app.notes('often')).some(({ pid, isPastDue }) => pid === second.pid && isPastDue === true),
    );
    const late = (await app.notes('often')).filter(
      ({ pid, isPastDue }) => pid === second.pid && isPastDue === true,
    );
    expect(late).toHaveLength(1);
    await second.kill('SIGTERM');
  });
});
