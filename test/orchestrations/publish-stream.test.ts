import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AssetId } from '../../src/media-service/model.ts';
import type { PublishResult } from '../../src/streams/operation.ts';
import { failureOf, Publishing } from './publishing.ts';

describe('publishing a stream', () => {
  let publishing: Publishing;
  beforeAll(async () => {
    publishing = await Publishing.start({ allowPrivateInputUrls: true });
  });
  afterAll(() => publishing.close());

  it('publishes on both sides under one locator id, and leaves no SAS locator and no secret behind', async () => {
    const input = await publishing.prepare('whole');
    const run = await publishing.publish(input);
    expect(run.error).toBeUndefined();
    const result = run.output as PublishResult;
    expect(result).toMatchObject({
      streamId: input.run.streamId,
      source: 'a',
      protected: true,
      compared: { level: 'bytes', equal: true, files: 5 },
    });
    const path = (url: string): string => new URL(url).pathname;
    for (const form of ['smooth', 'hls', 'dash'] as const) {
      expect(path(result.urls.b![form])).toBe(path(result.urls.a![form]));
      expect((await fetch(result.urls.b![form])).status).toBe(200);
    }
    for (const side of ['a', 'b'] as const) {
      const assets = await publishing.both.media(side).assetsByAlternateId(input.run.streamId);
      expect(assets.map(({ Name }) => Name)).toEqual([`${input.run.streamId} source=a revision=1`]);
      const [published] = assets;
      expect((await publishing.both.media(side).locators(published!.Id)).map(({ Id }) => Id)).toEqual([
        result.locatorId,
      ]);
      expect((await publishing.both.locatorsOf(side)).sas).toBe(0);
    }
    const stored =
      run.engine.stored + JSON.stringify(run.engine.statuses) + JSON.stringify(publishing.both.events);
    expect(stored).not.toMatch(/sig=|[?&]se=|Bearer /);
    for (const secret of publishing.both.secrets()) expect(stored).not.toContain(secret);
    expect(run.customStatus).toEqual({ step: 'done', percent: 100 });
    expect(run.engine.unfinished).toEqual([]);
  });

  it('takes its input from a URL, and stores nothing of its signature', async () => {
    const server = createServer((_request, response) => response.end('a video')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/hello.mp4?sig=SIGNATURE`;
    const input = await publishing.claimed('from-url', { url: 'in the claim' }, url);
    const run = await publishing.publish(input);
    server.close();
    expect(run.error).toBeUndefined();
    expect(run.output).toMatchObject({ protected: true });
    const [taken] = await publishing.both.media('a').assetsByAlternateId(`input:${input.run.streamId}`);
    expect((await publishing.both.media('a').files(taken!.Id)).map(({ Name }) => Name)).toEqual([
      'hello.mp4',
    ]);
    expect((await publishing.both.locatorsOf('a')).sas).toBe(0);
    expect(await publishing.both.dependencies.claims.inputUrl(input.run)).toBeUndefined();
    const stored =
      run.engine.stored + JSON.stringify(run.engine.statuses) + JSON.stringify(publishing.both.events);
    expect(stored).not.toContain('SIGNATURE');
  });

  it('takes a URL into an asset of its own, whatever was uploaded for the stream before', async () => {
    const server = createServer((_request, response) => response.end('the new video')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const input = await publishing.claimed(
      'wrong-film',
      { url: 'in the claim' },
      `http://127.0.0.1:${port}/new.mp4`,
    );
    const { run } = input;
    // Uploads that a run has looked at, and that it then was canceled for.
    const uploads: AssetId[] = [];
    for (const name of ['upload', `${run.streamId} input from the archive`]) {
      const assetId = await publishing.both.upload('a', { 'old.mp4': 'the old video' }, { name });
      await publishing.both.activities.inspectInput({ run, side: 'a', assetId });
      uploads.push(assetId);
    }
    publishing.encoded.length = 0;
    const ended = await publishing.publish(input);
    server.close();
    expect(ended.error).toBeUndefined();
    expect(publishing.encoded).toEqual(['new.mp4']);
    for (const assetId of uploads) {
      const files = await publishing.both.media('a').files(assetId);
      expect(files.map(({ Name }) => Name)).toEqual(['old.mp4']);
    }
  });

  it('waits by a timer while others take their inputs in, and says so', async () => {
    const server = createServer((_request, response) => response.end('a video')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const input = await publishing.claimed(
      'waits',
      { url: 'in the claim' },
      `http://127.0.0.1:${port}/hello.mp4`,
    );
    const perform = publishing.both.perform();
    let asked = 0;
    const run = await publishing.publish(input, async (call) => {
      if (call.name !== 'takeIn' || (asked += 1) > 3) return perform(call);
      return { ok: true, value: { finished: false, done: 0, total: 0, waits: true } };
    });
    server.close();
    expect(run.error).toBeUndefined();
    expect(asked).toBe(4);
    expect(run.engine.now - Date.UTC(2030, 0, 1)).toBeGreaterThanOrEqual(15_000);
    expect(run.engine.statuses).toContainEqual({ step: 'waitToTakeIn', percent: 1 });
  });

  it('comes to the same when every step is cut off after its effect and runs again', async () => {
    const input = await publishing.prepare('twice');
    const perform = publishing.both.perform();
    const run = await publishing.publish(input, async (call) => {
      // What a step did before its process was killed is done; nobody heard of it.
      await perform(call);
      return perform(call);
    });
    expect(run.error).toBeUndefined();
    const { locatorId } = run.output as PublishResult;
    expect(
      await publishing.both.media('a').jobsByName(`${input.run.streamId}-${input.run.runId}`),
    ).toHaveLength(1);
    for (const side of ['a', 'b'] as const) {
      const assets = await publishing.both.media(side).assetsByAlternateId(input.run.streamId);
      expect(assets).toHaveLength(1);
      expect((await publishing.both.media(side).locators(assets[0]!.Id)).map(({ Id }) => Id)).toEqual([
        locatorId,
      ]);
      expect((await publishing.both.locatorsOf(side)).sas).toBe(0);
    }
  });

  it('comes to the same when every step runs twice at the same time', async () => {
    const input = await publishing.prepare('together');
    const perform = publishing.both.perform();
    const run = await publishing.publish(input, async (call) => {
      const [first, second] = await Promise.all([perform(call), perform(call)]);
      return (first as { ok: boolean }).ok ? first : second;
    });
    expect(run.error).toBeUndefined();
    const [, ...others] = await publishing.both
      .media('a')
      .jobsByName(`${input.run.streamId}-${input.run.runId}`);
    for (const { Id } of others.filter(({ State }) => State === 5)) {
      const outputs = await publishing.both.media('a').outputAssets(Id);
      expect(outputs.filter(({ State }) => State !== 2)).toEqual([]);
    }
    for (const side of ['a', 'b'] as const) {
      const assets = await publishing.both.media(side).assetsByAlternateId(input.run.streamId);
      expect(assets).toHaveLength(1);
      expect(await publishing.both.media(side).locators(assets[0]!.Id)).toHaveLength(1);
      expect((await publishing.both.locatorsOf(side)).sas).toBe(0);
    }
  });

  it("takes the replica's URL away again when it serves other bytes, also when its making was cut off", async () => {
    const input = await publishing.prepare('cut-off');
    const perform = publishing.both.perform();
    const run = await publishing.publish(input, async (call) => {
      const outcome = await perform(call);
      if (call.name === 'replicateLocator') return perform(call);
      if (call.name !== 'probeOrigin' || call.input['side'] === 'a') return outcome;
      const parts = [{ part: 'hello/manifest', sha256: 'other bytes' }];
      return { ok: true, value: { parts, requests: 1, bytes: 1 } };
    });
    expect(failureOf(run)).toMatchObject({ code: 'probe-failed' });
    const [replica] = await publishing.both.media('b').assetsByAlternateId(input.run.streamId);
    expect(await publishing.both.media('b').locators(replica!.Id)).toEqual([]);
  });

  it('tells what the encoder said of a file that is no video, publishes nothing and does not try again', async () => {
    const input = await publishing.prepare('text', { name: 'text.mp4', content: 'no video' });
    const run = await publishing.publish(input);
    const failure = failureOf(run);
    expect(failure).toMatchObject({ code: 'encoding-failed', retriable: false });
    expect(failure.message).toContain('ErrorExecutingTaskMalformedContent: The file is no video.');
    const name = `${input.run.streamId}-${input.run.runId}`;
    const jobs = await publishing.both.media('a').jobsByName(name);
    expect(jobs).toHaveLength(1);
    expect(await publishing.both.media('a').assetsByAlternateId(input.run.streamId)).toEqual([]);
    const outputs = await publishing.both.media('a').outputAssets(jobs[0]!.Id);
    expect(outputs.filter(({ State }) => State !== 2)).toEqual([]);
    const report = publishing.both.events.find(
      (event) => event.name === 'EncodingStopped' && event.properties['streamId'] === input.run.streamId,
    );
    expect(report?.level).toBe('problem');
    expect(report?.properties['tasks']).toContain('ErrorExecutingTaskMalformedContent');
  });

  it('publishes, not protected, when the target stays away; and leaves no half replica', async () => {
    const input = await publishing.prepare('alone');
    await publishing.both.stop('b');
    let run: Awaited<ReturnType<Publishing['publish']>>;
    try {
      run = await publishing.publish({ ...input, patience: { ...input.patience, target: 0.03 } });
    } finally {
      await publishing.both.resume('b');
    }
    expect(run.error).toBeUndefined();
    expect(run.output).toMatchObject({
      protected: false,
      problem: { code: 'media-service-unreachable', retriable: true },
    });
    expect(run.engine.calls.filter(({ name }) => name === 'startEndpoint').length).toBeGreaterThan(2);
    const result = run.output as PublishResult;
    expect(Object.keys(result.urls)).toEqual(['a']);
    expect((await fetch(result.urls.a!.hls)).status).toBe(200);
    expect((await publishing.both.locatorsOf('a')).sas).toBe(0);
  }, 120_000);

  it('cancels the job and cleans up when it is told to stop', async () => {
    const input = await publishing.prepare('stopped', { name: 'slow.mp4', content: 'a long video' });
    const perform = publishing.both.perform();
    let raise: () => void = () => undefined;
    const run = await publishing.publish(
      input,
      async (call) => {
        const outcome = await perform(call);
        if (call.name === 'readJob') raise();
        return outcome;
      },
      (engine, id) => {
        raise = () => {
          raise = () => undefined;
          engine.raiseEvent(id, 'cancel');
        };
      },
    );
    expect(failureOf(run)).toMatchObject({ code: 'canceled' });
    const [job] = await publishing.both.media('a').jobsByName(`${input.run.streamId}-${input.run.runId}`);
    expect([5, 6]).toContain(job?.State);
    expect((await publishing.both.locatorsOf('a')).sas).toBe(0);
    expect(run.engine.unfinished).toEqual([]);
  });

  it('cancels a job that makes no progress', async () => {
    const input = await publishing.prepare('stuck', { name: 'slow.mp4', content: 'a long video' });
    const run = await publishing.publish({ ...input, patience: { ...input.patience, job: 5 } });
    expect(failureOf(run)).toMatchObject({ code: 'encoding-stuck', retriable: false });
    expect(run.engine.calls.map(({ name }) => name)).toContain('cancelJob');
    // A job may take days: what is looked at again and again starts over with an empty history.
    expect(run.engine.longestHistory).toBeLessThan(250);
  });
});
