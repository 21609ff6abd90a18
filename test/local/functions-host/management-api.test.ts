import { afterAll, beforeAll, expect, it } from 'vitest';
import { ContractApp, contract, keys, type RunningHost } from './functions-host.ts';
import {
  ended,
  eventually,
  raise,
  running,
  start,
  statusOf,
  type Status,
  type Urls,
} from './orchestrations.ts';

contract('the management API', (kind) => {
  let app: ContractApp;
  let host: RunningHost;

  beforeAll(async () => {
    app = await ContractApp.create();
    host = await app.start(`management${kind}`, { kind });
  });
  afterAll(() => app.close());

  const post = (urls: Urls, which: string, text = 'because'): Promise<Response> =>
    fetch(urls[which]!.replace('{text}', text), { method: 'POST' });
  const waiting = (timeout = 60_000): Promise<Urls> => start(host.url, 'waits', { timeout });

  it('terminates', async () => {
    const urls = await waiting();
    await running(urls);
    expect((await post(urls, 'terminatePostUri')).status).toBe(202);
    expect(await ended(urls)).toMatchObject({ runtimeStatus: 'Terminated', output: 'because' });
    expect((await post(urls, 'terminatePostUri')).status).toBe(410);
    expect((await raise(urls, 'go', {})).status).toBe(410);
  });

  it('suspends, keeps what comes meanwhile, and resumes', async () => {
    const urls = await waiting();
    await running(urls);
    expect((await post(urls, 'suspendPostUri')).status).toBe(202);
    await eventually('suspension', async () => (await statusOf(urls)).runtimeStatus === 'Suspended');
    expect((await raise(urls, 'go', { kept: true })).status).toBe(202);
    expect((await statusOf(urls)).runtimeStatus).toBe('Suspended');
    expect((await post(urls, 'resumePostUri')).status).toBe(202);
    expect((await ended(urls)).output).toEqual({ event: { kept: true } });
  });

  it('hears that it shall resume behind any number of events', async () => {
    const count = 300;
    const urls = await start(host.url, 'collects', { count });
    await running(urls);
    await post(urls, 'suspendPostUri');
    await eventually('suspension', async () => (await statusOf(urls)).runtimeStatus === 'Suspended');
    for (let sent = 0; sent < count; sent += 30) {
      await Promise.all(Array.from({ length: 30 }, (_, item) => raise(urls, 'item', { item: sent + item })));
    }
    expect((await post(urls, 'resumePostUri')).status).toBe(202);
    const { events } = (await ended(urls)).output as { events: { item: number }[] };
    expect(events.map(({ item }) => item).sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
  });

  it('does not fire timers while suspended', async () => {
    const urls = await waiting(2000);
    const end = Date.now() + 2300;
    await running(urls);
    await post(urls, 'suspendPostUri');
    await eventually('suspension', async () => (await statusOf(urls)).runtimeStatus === 'Suspended');
    await eventually('the time of the timer', () => Promise.resolve(Date.now() > end));
    expect((await statusOf(urls)).runtimeStatus).toBe('Suspended');
    await post(urls, 'resumePostUri');
    expect((await ended(urls)).output).toEqual({ event: 'timeout' });
  });

  it('answers by status: 202 while it runs, then 200, and 500 for a failure if asked', async () => {
    const urls = await waiting();
    const uri = urls['statusQueryGetUri']!;
    expect((await fetch(uri)).status).toBe(202);
    await raise(urls, 'go', {});
    await ended(urls);
    expect((await fetch(uri)).status).toBe(200);
    const failed = await start(host.url, 'throws', {});
    await ended(failed);
    expect(
      (await fetch(`${failed['statusQueryGetUri']!}&returnInternalServerErrorOnFailure=true`)).status,
    ).toBe(500);
  });

  it('hides the input when asked', async () => {
    const urls = await start(host.url, 'chain', { length: 1 });
    await ended(urls);
    expect((await statusOf(urls, '&showInput=false')).input).toBeNull();
  });

  it('purges', async () => {
    const urls = await start(host.url, 'payloads', { count: 1, characters: 600_000 });
    await ended(urls);
    const purged = await fetch(urls['purgeHistoryDeleteUri']!, { method: 'DELETE' });
    expect(await purged.json()).toEqual({ instancesDeleted: 1 });
    expect((await fetch(urls['statusQueryGetUri']!)).status).toBe(404);
    expect((await fetch(urls['purgeHistoryDeleteUri']!, { method: 'DELETE' })).status).toBe(404);
    expect((await raise(urls, 'go', {})).status).toBe(404);
  });

  it('purges many, of the given statuses only and never one that runs', async () => {
    const prefix = `${kind}-many-`;
    const [done, failed, runs] = await Promise.all([
      start(host.url, 'chain', { length: 0 }, `${prefix}done`),
      start(host.url, 'throws', {}, `${prefix}failed`),
      start(host.url, 'waits', { timeout: 60_000 }, `${prefix}runs`),
    ]);
    await Promise.all([ended(done), ended(failed), running(runs)]);
    const all = done['statusQueryGetUri']!.replace(`/${prefix}done`, '');
    const purge = (statuses: string): Promise<Response> =>
      fetch(
        `${all}&instanceIdPrefix=${prefix}&createdTimeFrom=2020-01-01T00:00:00Z&runtimeStatus=${statuses}`,
        {
          method: 'DELETE',
        },
      );
    expect((await purge('Running')).status).toBe(404);
    expect(await (await purge('completed,Running')).json()).toEqual({ instancesDeleted: 1 });
    expect((await fetch(done['statusQueryGetUri']!)).status).toBe(404);
    expect((await statusOf(failed)).runtimeStatus).toBe('Failed');
    expect((await statusOf(runs)).runtimeStatus).toBe('Running');
    await post(runs, 'terminatePostUri');
  });

  it.each(["it's", 'a b', '100%', '%41', 'ü+x&y=1'])('gives addresses that reach the id %s', async (name) => {
    const id = `${kind}-${name}`;
    const first = await start(host.url, 'chain', { length: 0 });
    const create = first['statusQueryGetUri']!.replace(
      `instances/${first['id']}`,
      `orchestrators/chain/${encodeURIComponent(id)}`,
    );
    const urls = (await (await fetch(create, { method: 'POST', body: '{"length":1}' })).json()) as Urls;
    expect(await ended(urls)).toMatchObject({ instanceId: id, output: { value: 1 } });
  });

  it('restarts with the same input under a new id', async () => {
    const urls = await start(host.url, 'chain', { length: 2 });
    await ended(urls);
    const restarted = await post(urls, 'restartPostUri');
    expect(restarted.status).toBe(202);
    const again = (await restarted.json()) as Urls;
    expect(again['id']).not.toBe(urls['id']);
    expect((await ended(again)).output).toEqual({ value: 2 });
  });

  it('refuses a second start of an id that runs', async () => {
    const id = `${kind}-taken`;
    const urls = await start(host.url, 'waits', { timeout: 60_000 }, id);
    await running(urls);
    const create = urls['statusQueryGetUri']!.replace(`instances/${id}`, `orchestrators/chain/${id}`);
    expect((await fetch(create, { method: 'POST', body: '{"length":1}' })).status).toBe(409);
    expect((await statusOf(urls)).name).toBe('waits');
    await post(urls, 'terminatePostUri');
  });

  it('refuses an orchestrator that is not there', async () => {
    const urls = await waiting();
    const create = urls['statusQueryGetUri']!.replace(`instances/${urls['id']}`, 'orchestrators/nobody');
    expect((await fetch(create, { method: 'POST', body: '{}' })).status).toBe(400);
    await post(urls, 'terminatePostUri');
  });

  it('lists page by page', async () => {
    const prefix = `${kind}-page-`;
    const started = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map((name) => start(host.url, 'chain', { length: 0 }, prefix + name)),
    );
    await Promise.all(started.map((urls) => ended(urls)));
    const all = started[0]!['statusQueryGetUri']!.replace(`/${prefix}a`, '');
    const found: string[] = [];
    let token: string | null = null;
    do {
      const response: Response = await fetch(
        `${all}&top=2&instanceIdPrefix=${prefix}&runtimeStatus=Completed`,
        {
          headers: token === null ? {} : { 'x-ms-continuation-token': token },
        },
      );
      const page = (await response.json()) as Status[];
      expect(page.length).toBeLessThanOrEqual(2);
      found.push(...page.map(({ instanceId }) => instanceId));
      token = response.headers.get('x-ms-continuation-token');
    } while (token !== null && token !== '');
    expect(found.sort()).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => prefix + name));
  });

  it.runIf(kind === 'local').each(['a/b', 'a\\b', 'a#b', 'a?b', '\u0000', '\u0085', 'a'.repeat(513)])(
    'knows that %j is no id',
    async (id) => {
      const urls = await start(host.url, 'chain', { length: 0 });
      const of = (which: string): string =>
        urls[which]!.replace(`instances/${urls['id']}`, `instances/${encodeURIComponent(id)}`);
      const answers = [
        await fetch(of('statusQueryGetUri')),
        await fetch(of('purgeHistoryDeleteUri'), { method: 'DELETE' }),
        await fetch(of('terminatePostUri'), { method: 'POST' }),
        await fetch(of('restartPostUri'), { method: 'POST' }),
        await fetch(of('sendEventPostUri').replace('{eventName}', 'go'), { method: 'POST', body: '{}' }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
    },
  );

  it.runIf(kind === 'local')('asks for its key', async () => {
    const urls = await start(host.url, 'chain', { length: 0 });
    const uri = new URL(urls['statusQueryGetUri']!);
    uri.searchParams.set('code', keys.host);
    expect((await fetch(uri)).status).toBe(401);
    uri.searchParams.delete('code');
    expect((await fetch(uri)).status).toBe(401);
  });

  it.runIf(kind === 'local')('says at once what it does not have', async () => {
    const status = await ended(await start(host.url, 'callsHttp', {}));
    expect(status.runtimeStatus).toBe('Failed');
    expect(status.output).toContain('callHttp is not supported by the local Functions host');
    const urls = await start(host.url, 'chain', { length: 0 });
    const rewound = await post(urls, 'rewindPostUri');
    expect(rewound.status).toBe(501);
    expect(await rewound.text()).toContain('not supported');
  });
});
