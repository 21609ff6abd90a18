import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toOutcome } from '../../src/activities/activities.ts';
import { createUpload } from '../../src/activities/create-upload.ts';
import type { Claim } from '../../src/activities/claims.ts';
import { publishAsset } from '../../src/activities/publish-asset.ts';
import type { AssetId } from '../../src/media-service/model.ts';
import { copyBlobs } from '../../src/orchestrations/copy-blobs.ts';
import { publishStream, type PublishStreamInput } from '../../src/orchestrations/publish-stream.ts';
import { replicateAsset } from '../../src/orchestrations/replicate-asset.ts';
import { takeInput } from '../../src/orchestrations/take-input.ts';
import { waitForJob } from '../../src/orchestrations/wait-for-job.ts';
import { parseFailureText } from '../../src/streams/errors.ts';
import type { PublishResult } from '../../src/streams/operation.ts';
import { operationIdOf, type RunId, type StreamId } from '../../src/streams/stream-id.ts';
import { TwoDataCenters } from '../two-data-centers.ts';
import { ReplayEngine, type ActivityCall, type Run } from './replay-engine.ts';

const orchestrations = { publishStream, replicateAsset, copyBlobs, takeInput, waitForJob };
type Perform = (call: ActivityCall) => Promise<unknown>;

describe('publishing a stream', () => {
  let both: TwoDataCenters;
  let count = 0;
  /** The file of each job. */
  const encoded: (string | undefined)[] = [];

  beforeAll(async () => {
    both = await TwoDataCenters.start({ allowPrivateInputUrls: true });
    await both.startFixtureEncoder('a', (input) => {
      encoded.push(input);
      return input === 'text.mp4' ? 'fail' : input === 'slow.mp4' ? 'hang' : 'finish';
    });
  });
  afterAll(() => both.close());

  async function prepare(
    name: string,
    file: { readonly name: string; readonly content: string } = { name: 'hello.mp4', content: 'a video' },
  ): Promise<PublishStreamInput> {
    const assetId = await both.upload('a', { [file.name]: file.content });
    return claimed(name, { assetId });
  }

  async function claimed(
    name: string,
    input: PublishStreamInput['input'],
    inputUrl?: string,
  ): Promise<PublishStreamInput> {
    count += 1;
    const streamId = `${name}-${count}` as StreamId;
    const runId = count.toString(16).padStart(16, '0') as RunId;
    const claim: Claim = {
      subject: streamId,
      runId,
      kind: 'publish',
      requestHash: 'hash',
      publishHash: 'hash',
      input: {},
      started: false,
      claimedAt: Date.now(),
    };
    await both.dependencies.claims.insert(claim, inputUrl);
    return {
      run: { streamId, runId },
      source: 'a',
      input,
      requestHash: 'hash',
      preset: 'Adaptive Streaming',
      patience: { source: 5, target: 5, job: 60 },
      resumes: false,
    };
  }

  /** Between two looks at a job the encoder needs a little real time. */
  function patient(perform: Perform): Perform {
    return async (call) => {
      if (call.name === 'readJob') await new Promise((resolve) => setTimeout(resolve, 60));
      return perform(call);
    };
  }

  async function publish(
    input: PublishStreamInput,
    perform: Perform = both.perform(),
    onEngine: (engine: ReplayEngine, id: string) => void = () => undefined,
  ): Promise<Run & { readonly engine: ReplayEngine }> {
    const engine = new ReplayEngine(orchestrations, patient(perform));
    const id = operationIdOf(input.run.streamId, input.run.runId);
    onEngine(engine, id);
    return { ...(await engine.run('publishStream', input, id)), engine };
  }

  function failureOf(run: Run): { code: string; retriable: boolean; message: string } {
    expect(run.error).toBeDefined();
    return parseFailureText(`Orchestrator function 'publishStream' failed: ${run.error!}`);
  }

  it('publishes on both sides under one locator id, and leaves no SAS locator and no secret behind', async () => {
    const input = await prepare('whole');
    const run = await publish(input);
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
      const assets = await both.media(side).assetsByAlternateId(input.run.streamId);
      expect(assets.map(({ Name }) => Name)).toEqual([`${input.run.streamId} source=a revision=1`]);
      const [published] = assets;
      expect((await both.media(side).locators(published!.Id)).map(({ Id }) => Id)).toEqual([
        result.locatorId,
      ]);
      expect((await both.locatorsOf(side)).sas).toBe(0);
    }
    const stored = run.engine.stored + JSON.stringify(run.engine.statuses) + JSON.stringify(both.events);
    expect(stored).not.toMatch(/sig=|[?&]se=|Bearer /);
    for (const secret of both.secrets()) expect(stored).not.toContain(secret);
    expect(run.customStatus).toEqual({ step: 'done', percent: 100 });
    expect(run.engine.unfinished).toEqual([]);
  });

  it('takes its input from a URL, and stores nothing of its signature', async () => {
    const server = createServer((_request, response) => response.end('a video')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/hello.mp4?sig=SIGNATURE`;
    const input = await claimed('from-url', { url: 'in the claim' }, url);
    const run = await publish(input);
    server.close();
    expect(run.error).toBeUndefined();
    expect(run.output).toMatchObject({ protected: true });
    const [taken] = await both.media('a').assetsByAlternateId(`input:${input.run.streamId}`);
    expect((await both.media('a').files(taken!.Id)).map(({ Name }) => Name)).toEqual(['hello.mp4']);
    expect((await both.locatorsOf('a')).sas).toBe(0);
    expect(await both.dependencies.claims.inputUrl(input.run)).toBeUndefined();
    const stored = run.engine.stored + JSON.stringify(run.engine.statuses) + JSON.stringify(both.events);
    expect(stored).not.toContain('SIGNATURE');
  });

  it('takes a URL into an asset of its own, whatever was uploaded for the stream before', async () => {
    const server = createServer((_request, response) => response.end('the new video')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const input = await claimed('wrong-film', { url: 'in the claim' }, `http://127.0.0.1:${port}/new.mp4`);
    const { run } = input;
    // Uploads that a run has looked at, and that it then was canceled for.
    const uploads: AssetId[] = [];
    for (const name of ['upload', `${run.streamId} input from the archive`]) {
      const assetId = await both.upload('a', { 'old.mp4': 'the old video' }, { name });
      await both.activities.inspectInput({ run, side: 'a', assetId });
      uploads.push(assetId);
    }
    encoded.length = 0;
    const ended = await publish(input);
    server.close();
    expect(ended.error).toBeUndefined();
    expect(encoded).toEqual(['new.mp4']);
    for (const assetId of uploads) {
      const files = await both.media('a').files(assetId);
      expect(files.map(({ Name }) => Name)).toEqual(['old.mp4']);
    }
  });

  it('waits by a timer while others take their inputs in, and says so', async () => {
    const server = createServer((_request, response) => response.end('a video')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const input = await claimed('waits', { url: 'in the claim' }, `http://127.0.0.1:${port}/hello.mp4`);
    const perform = both.perform();
    let asked = 0;
    const run = await publish(input, async (call) => {
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
    const input = await prepare('twice');
    const perform = both.perform();
    const run = await publish(input, async (call) => {
      // What a step did before its process was killed is done; nobody heard of it.
      await perform(call);
      return perform(call);
    });
    expect(run.error).toBeUndefined();
    const { locatorId } = run.output as PublishResult;
    expect(await both.media('a').jobsByName(`${input.run.streamId}-${input.run.runId}`)).toHaveLength(1);
    for (const side of ['a', 'b'] as const) {
      const assets = await both.media(side).assetsByAlternateId(input.run.streamId);
      expect(assets).toHaveLength(1);
      expect((await both.media(side).locators(assets[0]!.Id)).map(({ Id }) => Id)).toEqual([locatorId]);
      expect((await both.locatorsOf(side)).sas).toBe(0);
    }
  });

  it('comes to the same when every step runs twice at the same time', async () => {
    const input = await prepare('together');
    const perform = both.perform();
    const run = await publish(input, async (call) => {
      const [first, second] = await Promise.all([perform(call), perform(call)]);
      return (first as { ok: boolean }).ok ? first : second;
    });
    expect(run.error).toBeUndefined();
    for (const side of ['a', 'b'] as const) {
      const assets = await both.media(side).assetsByAlternateId(input.run.streamId);
      expect(assets).toHaveLength(1);
      expect(await both.media(side).locators(assets[0]!.Id)).toHaveLength(1);
      expect((await both.locatorsOf(side)).sas).toBe(0);
    }
  });

  it("takes the replica's URL away again when it serves other bytes, also when its making was cut off", async () => {
    const input = await prepare('cut-off');
    const perform = both.perform();
    const run = await publish(input, async (call) => {
      const outcome = await perform(call);
      if (call.name === 'replicateLocator') return perform(call);
      if (call.name !== 'probeOrigin' || call.input['side'] === 'a') return outcome;
      const parts = [{ part: 'hello/manifest', sha256: 'other bytes' }];
      return { ok: true, value: { parts, requests: 1, bytes: 1 } };
    });
    expect(failureOf(run)).toMatchObject({ code: 'probe-failed' });
    const [replica] = await both.media('b').assetsByAlternateId(input.run.streamId);
    expect(await both.media('b').locators(replica!.Id)).toEqual([]);
  });

  it('tells what the encoder said of a file that is no video, publishes nothing and does not try again', async () => {
    const input = await prepare('text', { name: 'text.mp4', content: 'no video' });
    const run = await publish(input);
    const failure = failureOf(run);
    expect(failure).toMatchObject({ code: 'encoding-failed', retriable: false });
    expect(failure.message).toContain('ErrorExecutingTaskMalformedContent: The file is no video.');
    const name = `${input.run.streamId}-${input.run.runId}`;
    const jobs = await both.media('a').jobsByName(name);
    expect(jobs).toHaveLength(1);
    expect(await both.media('a').assetsByAlternateId(input.run.streamId)).toEqual([]);
    const outputs = await both.media('a').outputAssets(jobs[0]!.Id);
    expect(outputs.filter(({ State }) => State !== 2)).toEqual([]);
    const report = both.events.find(
      (event) => event.name === 'EncodingStopped' && event.properties['streamId'] === input.run.streamId,
    );
    expect(report?.level).toBe('problem');
    expect(report?.properties['tasks']).toContain('ErrorExecutingTaskMalformedContent');
  });

  it.each([
    ['missing', undefined, {}, 'input-missing'],
    ['no file', {}, {}, 'input-empty'],
    ['an empty file', { 'empty.mp4': '' }, {}, 'input-empty'],
    ['encrypted', { 'a.mp4': 'x' }, { options: 1 }, 'input-encrypted'],
    ['two manifests', { 'a.ism': 'x', 'b.ism': 'y' }, {}, 'manifest-count'],
    ['two files, none primary', { 'a.mp4': 'x', 'b.mp4': 'y' }, {}, 'input-ambiguous'],
  ] as const)('refuses an input asset with %s at once', async (_case, files, options, code) => {
    const assetId =
      files === undefined
        ? ('nb:cid:UUID:00000000-0000-4000-8000-000000000000' as never)
        : await both.upload('a', files, { name: 'upload', ...options });
    const input = await claimed('refused', { assetId });
    const run = await publish(input);
    expect(failureOf(run)).toMatchObject({ code, retriable: false });
    expect(run.engine.calls.filter(({ name }) => name === 'inspectInput')).toHaveLength(1);
    expect(run.engine.calls.map(({ name }) => name)).not.toContain('encode');
  });

  it.each([
    ['is empty', 'empty.mp4', '', 'input-empty'],
    ['is no video', 'text.mp4', 'no video', 'encoding-failed'],
  ])('leaves no URL to upload to when the file %s', async (_case, fileName, content, code) => {
    const { assetId, uploadUrl } = await createUpload(both.dependencies, 'a', fileName);
    const headers = { 'x-ms-blob-type': 'BlockBlob' };
    expect((await fetch(uploadUrl, { method: 'PUT', headers, body: content })).status).toBe(201);
    const run = await publish(await claimed('uploaded', { assetId }));
    expect(failureOf(run)).toMatchObject({ code, retriable: false });
    expect(await both.media('a').locators(assetId)).toEqual([]);
    expect((await fetch(uploadUrl, { method: 'PUT', headers, body: content })).status).toBe(403);
  });

  it('refuses at once a file whose name a terminal would obey', async () => {
    const { assetId, uploadUrl } = await createUpload(both.dependencies, 'a', 'film.mp4');
    const url = uploadUrl.replace('film.mp4', '%C2%9B31m%E2%80%AE4pm.mp4');
    const headers = { 'x-ms-blob-type': 'BlockBlob' };
    expect((await fetch(url, { method: 'PUT', headers, body: 'a video' })).status).toBe(201);
    const run = await publish(await claimed('named', { assetId }));
    const { message, ...failure } = failureOf(run);
    expect(failure).toMatchObject({ code: 'input-name', retriable: false });
    expect(message).toContain('control or format characters');
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(run.engine.calls.filter(({ name }) => name === 'inspectInput')).toHaveLength(1);
  });

  describe('under an id that is in use', () => {
    /** What the target has, down to its bytes. */
    async function whatIsAt(side: 'a' | 'b', assetId: AssetId): Promise<unknown> {
      const media = both.media(side);
      const [asset, files, locators] = await Promise.all([
        media.asset(assetId),
        media.files(assetId),
        media.locators(assetId),
      ]);
      return [
        asset?.Name,
        files.map((file) => [file.Name, file.ContentChecksum]),
        locators.map(({ Id }) => Id),
      ];
    }

    it("leaves the target's own stream as it is, and encodes nothing", async () => {
      const input = await prepare('theirs');
      const theirs = await both.publishFixture('b', input.run.streamId);
      await both.activities.createOriginLocator({ run: input.run, side: 'b', assetId: theirs });
      const before = await whatIsAt('b', theirs);
      const run = await publish(input);
      expect(failureOf(run)).toMatchObject({ code: 'stream-exists', retriable: false });
      expect(run.engine.calls.map(({ name }) => name)).not.toContain('encode');
      expect(await whatIsAt('b', theirs)).toEqual(before);
    });

    it('publishes nothing when the target has published meanwhile', async () => {
      const input = await prepare('meanwhile');
      const perform = both.perform();
      let theirs: AssetId | undefined;
      const run = await publish(input, async (call) => {
        if (call.name === 'publishAsset') theirs ??= await both.publishFixture('b', input.run.streamId);
        return perform(call);
      });
      expect(failureOf(run)).toMatchObject({ code: 'stream-exists', retriable: false });
      expect(await both.media('a').assetsByAlternateId(input.run.streamId)).toEqual([]);
      const [job] = await both.media('a').jobsByName(`${input.run.streamId}-${input.run.runId}`);
      const outputs = await both.media('a').outputAssets(job!.Id);
      expect(outputs.filter(({ State }) => State !== 2)).toEqual([]);
      expect((await both.media('b').asset(theirs!))?.Name).toBe(`${input.run.streamId} source=b revision=1`);
    });

    it('takes its name back when the target publishes in the same moment', async () => {
      const input = await prepare('same-moment');
      const { dataCenters } = both.dependencies;
      const named: typeof dataCenters.a.media.updateAsset = async (...given) => {
        await both.publishFixture('b', input.run.streamId);
        return dataCenters.a.media.updateAsset(...given);
      };
      const media = new Proxy(dataCenters.a.media, {
        get: (target, key) =>
          key === 'updateAsset' ? named : (Reflect.get(target, key) as () => unknown).bind(target),
      });
      const step = publishAsset({
        ...both.dependencies,
        dataCenters: { ...dataCenters, a: { ...dataCenters.a, media } },
      });
      const perform = both.perform();
      const run = await publish(input, async (call) =>
        call.name === 'publishAsset' ? toOutcome(() => step(call.input as never)) : perform(call),
      );
      expect(failureOf(run)).toMatchObject({ code: 'stream-exists', retriable: false });
      const left = await both.media('a').assetsByAlternateId(input.run.streamId);
      expect(left.filter(({ State }) => State !== 2)).toEqual([]);
    });

    it("does not fill the target's own stream, nor an asset that is no stream, that nobody knew of", async () => {
      const own = await both.publishFixture('b', 'found-late');
      const holiday = await both.upload(
        'b',
        { 'holiday.mp4': 'private' },
        { name: 'their holiday', alternateId: 'their-own-number' },
      );
      for (const [streamId, assetId] of [
        ['found-late', own],
        ['their-own-number', holiday],
      ] as const) {
        const before = await whatIsAt('b', assetId);
        const name = { streamId: streamId as StreamId, source: 'a', revision: 2, mark: undefined } as const;
        const run = { streamId: streamId as StreamId, runId: 'ffffffffffffffff' as RunId };
        await expect(
          both.activities.createAsset({ run, side: 'b', purpose: { kind: 'replica', name } }),
        ).rejects.toMatchObject({ code: 'stream-exists', retriable: false });
        expect(await whatIsAt('b', assetId)).toEqual(before);
        expect(await both.media('b').assetsByAlternateId(streamId)).toHaveLength(1);
      }
    });

    it('does not go on with a stream whose source is the other data center by now', async () => {
      const input = await prepare('moved');
      const { streamId } = input.run;
      const assetId = await both.publishFixture('a', streamId);
      await both.media('a').updateAsset(assetId, { name: `${streamId} source=b revision=2` });
      const run = await publish({ ...input, resumes: true });
      expect(failureOf(run)).toMatchObject({ code: 'not-home', retriable: false });
      expect(await both.media('a').locators(assetId)).toEqual([]);
      expect(await both.media('b').assetsByAlternateId(streamId)).toEqual([]);
    });

    it('publishes an upload that has the very id as its own number', async () => {
      const alternateId = `own-number-${count + 1}`;
      const assetId = await both.upload('a', { 'film.mp4': 'a video' }, { name: 'upload', alternateId });
      const run = await publish(await claimed('own-number', { assetId }));
      expect(run.error).toBeUndefined();
      expect(run.output).toMatchObject({ protected: true });
      expect((await both.media('a').asset(assetId))?.Name).toBe('upload');
    });
  });

  it('publishes, not protected, when the target stays away; and leaves no half replica', async () => {
    const input = await prepare('alone');
    await both.stop('b');
    let run: Awaited<ReturnType<typeof publish>>;
    try {
      run = await publish({ ...input, patience: { ...input.patience, target: 0.03 } });
    } finally {
      await both.resume('b');
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
    expect((await both.locatorsOf('a')).sas).toBe(0);
  }, 120_000);

  it('cancels the job and cleans up when it is told to stop', async () => {
    const input = await prepare('stopped', { name: 'slow.mp4', content: 'a long video' });
    const perform = both.perform();
    let raise: () => void = () => undefined;
    const run = await publish(
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
    const [job] = await both.media('a').jobsByName(`${input.run.streamId}-${input.run.runId}`);
    expect([5, 6]).toContain(job?.State);
    expect((await both.locatorsOf('a')).sas).toBe(0);
    expect(run.engine.unfinished).toEqual([]);
  });

  it('cancels a job that makes no progress', async () => {
    const input = await prepare('stuck', { name: 'slow.mp4', content: 'a long video' });
    const run = await publish({ ...input, patience: { ...input.patience, job: 5 } });
    expect(failureOf(run)).toMatchObject({ code: 'encoding-stuck', retriable: false });
    expect(run.engine.calls.map(({ name }) => name)).toContain('cancelJob');
    // A job may take days: what is looked at again and again starts over with an empty history.
    expect(run.engine.longestHistory).toBeLessThan(250);
  });
});
