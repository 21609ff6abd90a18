import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  claimRun,
  mayStillStart,
  type Command,
  type Decision,
  type RunState,
} from '../../src/activities/claiming.ts';
import { Claims, claimsTable, type Claim } from '../../src/activities/claims.ts';
import { confirmClaim } from '../../src/activities/confirm-claim.ts';
import type { Dependencies } from '../../src/activities/dependencies.ts';
import { startAzurite, type Azurite } from '../../src/local/azurite.ts';
import type { RunId, StreamId } from '../../src/streams/stream-id.ts';
import { startFaultProxy, type FaultProxy } from '../fault-proxy.ts';

describe('claiming a stream', () => {
  let azurite: Azurite;
  let location: string;
  let claims: Claims;
  let count = 0;

  beforeAll(async () => {
    location = await mkdtemp(join(tmpdir(), 'claims-'));
    azurite = await startAzurite({ location, accounts: { functions: undefined } });
    const { connectionString } = azurite.account('functions');
    claims = new Claims(claimsTable({ kind: 'key', connectionString }));
  });
  afterAll(async () => {
    await azurite.close();
    await rm(location, { recursive: true, force: true });
  });

  function newStream(): StreamId {
    count += 1;
    return `stream-${count}` as StreamId;
  }

  function publish(subject: StreamId, requestHash = 'one', more: Partial<Command> = {}): Command {
    return { subject, kind: 'publish', requestHash, inputFor: (run) => run, ...more };
  }

  const claim = (command: Command, state: RunState = { kind: 'absent' }): Promise<Decision> =>
    claimRun(claims, { state: () => Promise.resolve(state) }, command);

  const running: RunState = { kind: 'running' };
  const failed: RunState = { kind: 'ended', succeeded: false, output: 'why' };
  const succeeded: RunState = { kind: 'ended', succeeded: true, output: {} };

  function started(decision: Decision): Claim {
    if (decision.kind !== 'start') throw new Error(`The decision is ${decision.kind}`);
    return decision.claim;
  }

  /** A claim whose starter died before it handed the run to the durable engine. */
  async function unstarted(subject: StreamId, age: number): Promise<RunId> {
    const runId = '00000000000000aa' as RunId;
    const dead = { subject, runId, kind: 'publish', requestHash: 'one', publishHash: 'one' } as const;
    await claims.insert(
      { ...dead, input: { first: true }, started: false, claimedAt: Date.now() - age },
      undefined,
    );
    return runId;
  }

  it('lets one of many at the same moment start, and the others join it', async () => {
    const subject = newStream();
    const decisions = await Promise.all(Array.from({ length: 12 }, () => claim(publish(subject))));
    const starts = decisions.filter(({ kind }) => kind === 'start');
    expect(starts).toHaveLength(1);
    const { runId } = started(starts[0]!);
    const joined = decisions.filter(({ kind }) => kind === 'joined');
    expect(joined).toHaveLength(11);
    for (const decision of joined) {
      expect(decision).toMatchObject({ operationId: `${subject}-${runId}`, finished: false });
    }
  });

  it('lets one of many different requests at the same moment start, and refuses the others', async () => {
    const subject = newStream();
    const decisions = await Promise.all(
      Array.from({ length: 8 }, (_, index) => claim(publish(subject, `request ${index}`))),
    );
    expect(decisions.filter(({ kind }) => kind === 'start')).toHaveLength(1);
    for (const decision of decisions.filter(({ kind }) => kind !== 'start')) {
      expect(decision).toMatchObject({ kind: 'refused', failure: { code: 'stream-exists' } });
    }
  });

  it('leaves a start to its starter for a while', async () => {
    const subject = newStream();
    const runId = await unstarted(subject, 5000);
    expect(await claim(publish(subject))).toMatchObject({
      kind: 'joined',
      operationId: `${subject}-${runId}`,
    });
  });

  it('makes a start good that a crash cut off: the same run, once', async () => {
    const subject = newStream();
    const runId = await unstarted(subject, 60_000);
    const decisions = await Promise.all(Array.from({ length: 6 }, () => claim(publish(subject))));
    const starts = decisions.filter(({ kind }) => kind === 'start');
    expect(starts).toHaveLength(1);
    expect(started(starts[0]!)).toMatchObject({ runId, input: { first: true } });
  });

  it('does not let a start that was cut off block another request for ever', async () => {
    const subject = newStream();
    const runId = await unstarted(subject, 60_000);
    const next = started(await claim(publish(subject, 'two')));
    expect(next.runId).not.toBe(runId);
    expect(await claims.holds({ streamId: subject, runId })).toBe(false);
  });

  it('forbids a starter that was held up to start after all', () => {
    const base = { subject: newStream(), runId: '00000000000000aa' as RunId, kind: 'publish' } as const;
    const held = { ...base, requestHash: 'x', publishHash: 'x', input: {}, started: false, claimedAt: 0 };
    expect(mayStillStart(held, 1000)).toBe(true);
    expect(mayStillStart(held, 20_000)).toBe(false);
  });

  it('is free again when its run has ended', async () => {
    const subject = newStream();
    const first = started(await claim(publish(subject)));
    await claims.markStarted(subject, first.runId);
    expect(await claim(publish(subject), running)).toMatchObject({ kind: 'joined' });
    const second = started(await claim(publish(subject), failed));
    expect(second.runId).not.toBe(first.runId);
    // Its history was purged.
    await claims.markStarted(subject, second.runId);
    expect(await claim(publish(subject))).toMatchObject({ kind: 'start' });
  });

  it('answers with a finished run of the same request while what it made is there', async () => {
    const subject = newStream();
    started(await claim(publish(subject)));
    const asking = (good: boolean): Command =>
      publish(subject, 'one', { stillGood: () => Promise.resolve(good) });
    expect(await claim(asking(true), succeeded)).toMatchObject({ kind: 'joined', finished: true });
    expect(await claim(asking(false), succeeded)).toMatchObject({ kind: 'start' });
  });

  it('advises to cancel only what can be canceled', async () => {
    const subject = newStream();
    const verify: Command = { subject, kind: 'verify', requestHash: 'v', inputFor: () => ({}) };
    started(await claim(verify));
    expect(await claim(publish(subject), running)).toMatchObject({
      failure: { code: 'stream-busy', message: expect.stringMatching(/wait for its end\.$/) as string },
    });
  });

  it('remembers what a stream was made from while other runs change it', async () => {
    const subject = newStream();
    started(await claim(publish(subject)));
    const repair: Command = { subject, kind: 'replicate', requestHash: 'r', inputFor: () => ({}) };
    expect(await claim(repair, running)).toMatchObject({ kind: 'refused', failure: { code: 'stream-busy' } });
    expect(started(await claim(repair, succeeded)).publishHash).toBe('one');
    expect(await claim(publish(subject), running)).toMatchObject({
      failure: { code: 'stream-busy', message: expect.stringMatching(/or cancel it\.$/) as string },
    });
    const again = started(await claim(publish(subject, 'one'), succeeded));
    expect(again.input).toMatchObject({ resumes: true });
    expect(started(await claim(publish(subject, 'two'), failed)).input).toMatchObject({ resumes: false });
  });

  describe('over an unsteady network', () => {
    let proxy: FaultProxy;
    let through: Claims;
    let lost = 0;
    /** What happens before each request, the first one's first. */
    const meanwhile: (() => Promise<unknown>)[] = [];

    beforeAll(async () => {
      const { connectionString } = azurite.account('functions');
      const endpoint = new URL(/TableEndpoint=([^;]+)/.exec(connectionString)![1]!);
      proxy = await startFaultProxy(endpoint.origin, async ({ method, url }) => {
        await meanwhile.shift()?.();
        // The client writes again by itself, and is told that it comes too late.
        if (method === 'GET' || !url.includes('FailoverClaims')) return undefined;
        return (lost += 1) === 1 ? { kind: 'lose answer' } : undefined;
      });
      const proxied = connectionString.replace(endpoint.host, proxy.host);
      through = new Claims(claimsTable({ kind: 'key', connectionString: proxied }));
      await through.check();
    });
    afterAll(() => proxy.close());

    async function losing(command: Command, state: RunState = { kind: 'absent' }): Promise<Claim> {
      lost = 0;
      const mine = started(await claimRun(through, { state: () => Promise.resolve(state) }, command));
      expect(lost).toBe(2);
      return mine;
    }

    it('starts the run of a claim whose answer was lost: inserted, and of one that was replaced', async () => {
      const subject = newStream();
      const first = await losing(publish(subject));
      expect(await claims.read(subject)).toMatchObject({ runId: first.runId, started: false });
      expect(await claim(publish(subject))).toMatchObject({ kind: 'joined' });
      await claims.markStarted(subject, first.runId);
      const second = await losing(publish(subject), failed);
      expect(second.runId).not.toBe(first.runId);
      expect((await claims.read(subject))?.runId).toBe(second.runId);
    });

    it('starts the run of a claim whose answer was lost: taken over', async () => {
      const subject = newStream();
      const runId = await unstarted(subject, 60_000);
      expect((await losing(publish(subject))).runId).toBe(runId);
    });

    it('refuses a run whose claim is taken in the very moment it begins', async () => {
      const subject = newStream();
      const runId = await unstarted(subject, 60_000);
      meanwhile.push(
        () => Promise.resolve(),
        () => claim(publish(subject, 'two')),
      );
      const confirm = confirmClaim({ claims: through } as Dependencies);
      await expect(confirm({ run: { streamId: subject, runId } })).rejects.toMatchObject({
        code: 'stream-busy',
        retriable: false,
      });
      expect(await claims.read(subject)).toMatchObject({ requestHash: 'two', started: false });
    });
  });

  it('keeps a URL that may be signed until it is forgotten, for its own run only', async () => {
    const subject = newStream();
    const { runId } = started(await claim(publish(subject, 'one', { inputUrl: 'https://x/?sig=S' })));
    const run = { streamId: subject, runId };
    expect(await claims.inputUrl(run)).toBe('https://x/?sig=S');
    expect(await claims.inputUrl({ ...run, runId: 'ffffffffffffffff' as RunId })).toBeUndefined();
    await claims.forgetInputUrl(run);
    expect(await claims.inputUrl(run)).toBeUndefined();
  });
});
