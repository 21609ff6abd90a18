import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toOutcome } from '../../src/activities/activities.ts';
import { createUpload } from '../../src/activities/create-upload.ts';
import { publishAsset } from '../../src/activities/publish-asset.ts';
import type { AssetId } from '../../src/media-service/model.ts';
import type { RunId, StreamId } from '../../src/streams/stream-id.ts';
import { failureOf, Publishing } from './publishing.ts';

describe('publishing what is not to be published', () => {
  let publishing: Publishing;
  beforeAll(async () => {
    publishing = await Publishing.start();
  });
  afterAll(() => publishing.close());

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
        : await publishing.both.upload('a', files, { name: 'upload', ...options });
    const input = await publishing.claimed('refused', { assetId });
    const run = await publishing.publish(input);
    expect(failureOf(run)).toMatchObject({ code, retriable: false });
    expect(run.engine.calls.filter(({ name }) => name === 'inspectInput')).toHaveLength(1);
    expect(run.engine.calls.map(({ name }) => name)).not.toContain('encode');
  });

  it.each([
    ['is empty', 'empty.mp4', '', 'input-empty'],
    ['is no video', 'text.mp4', 'no video', 'encoding-failed'],
  ])('leaves no URL to upload to when the file %s', async (_case, fileName, content, code) => {
    const { assetId, uploadUrl } = await createUpload(publishing.both.dependencies, 'a', fileName);
    const headers = { 'x-ms-blob-type': 'BlockBlob' };
    expect((await fetch(uploadUrl, { method: 'PUT', headers, body: content })).status).toBe(201);
    const run = await publishing.publish(await publishing.claimed('uploaded', { assetId }));
    expect(failureOf(run)).toMatchObject({ code, retriable: false });
    expect(await publishing.both.media('a').locators(assetId)).toEqual([]);
    expect((await fetch(uploadUrl, { method: 'PUT', headers, body: content })).status).toBe(403);
  });

  it('refuses at once a file whose name a terminal would obey', async () => {
    const { assetId, uploadUrl } = await createUpload(publishing.both.dependencies, 'a', 'film.mp4');
    const url = uploadUrl.replace('film.mp4', '%C2%9B31m%E2%80%AE4pm.mp4');
    const headers = { 'x-ms-blob-type': 'BlockBlob' };
    expect((await fetch(url, { method: 'PUT', headers, body: 'a video' })).status).toBe(201);
    const run = await publishing.publish(await publishing.claimed('named', { assetId }));
    const { message, ...failure } = failureOf(run);
    expect(failure).toMatchObject({ code: 'input-name', retriable: false });
    expect(message).toContain('control or format characters');
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(run.engine.calls.filter(({ name }) => name === 'inspectInput')).toHaveLength(1);
  });

  describe('under an id that is in use', () => {
    /** What the target has, down to its bytes. */
    async function whatIsAt(side: 'a' | 'b', assetId: AssetId): Promise<unknown> {
      const media = publishing.both.media(side);
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
      const input = await publishing.prepare('theirs');
      const theirs = await publishing.both.publishFixture('b', input.run.streamId);
      await publishing.both.activities.createOriginLocator({ run: input.run, side: 'b', assetId: theirs });
      const before = await whatIsAt('b', theirs);
      const run = await publishing.publish(input);
      expect(failureOf(run)).toMatchObject({ code: 'stream-exists', retriable: false });
      expect(run.engine.calls.map(({ name }) => name)).not.toContain('encode');
      expect(await whatIsAt('b', theirs)).toEqual(before);
    });

    it('publishes nothing when the target has published meanwhile', async () => {
      const input = await publishing.prepare('meanwhile');
      const perform = publishing.both.perform();
      let theirs: AssetId | undefined;
      const run = await publishing.publish(input, async (call) => {
        if (call.name === 'publishAsset')
          theirs ??= await publishing.both.publishFixture('b', input.run.streamId);
        return perform(call);
      });
      expect(failureOf(run)).toMatchObject({ code: 'stream-exists', retriable: false });
      expect(await publishing.both.media('a').assetsByAlternateId(input.run.streamId)).toEqual([]);
      const [job] = await publishing.both.media('a').jobsByName(`${input.run.streamId}-${input.run.runId}`);
      const outputs = await publishing.both.media('a').outputAssets(job!.Id);
      expect(outputs.filter(({ State }) => State !== 2)).toEqual([]);
      expect((await publishing.both.media('b').asset(theirs!))?.Name).toBe(
        `${input.run.streamId} source=b revision=1`,
      );
    });

    it('takes its name back when the target publishes in the same moment', async () => {
      const input = await publishing.prepare('same-moment');
      const { dataCenters } = publishing.both.dependencies;
      const named: typeof dataCenters.a.media.updateAsset = async (...given) => {
        await publishing.both.publishFixture('b', input.run.streamId);
        return dataCenters.a.media.updateAsset(...given);
      };
      const media = new Proxy(dataCenters.a.media, {
        get: (target, key) =>
          key === 'updateAsset' ? named : (Reflect.get(target, key) as () => unknown).bind(target),
      });
      const step = publishAsset({
        ...publishing.both.dependencies,
        dataCenters: { ...dataCenters, a: { ...dataCenters.a, media } },
      });
      const perform = publishing.both.perform();
      const run = await publishing.publish(input, async (call) =>
        call.name === 'publishAsset' ? toOutcome(() => step(call.input as never)) : perform(call),
      );
      expect(failureOf(run)).toMatchObject({ code: 'stream-exists', retriable: false });
      const left = await publishing.both.media('a').assetsByAlternateId(input.run.streamId);
      expect(left.filter(({ State }) => State !== 2)).toEqual([]);
    });

    it("does not fill the target's own stream, nor an asset that is no stream, that nobody knew of", async () => {
      const own = await publishing.both.publishFixture('b', 'found-late');
      const holiday = await publishing.both.upload(
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
          publishing.both.activities.createAsset({ run, side: 'b', purpose: { kind: 'replica', name } }),
        ).rejects.toMatchObject({ code: 'stream-exists', retriable: false });
        expect(await whatIsAt('b', assetId)).toEqual(before);
        expect(await publishing.both.media('b').assetsByAlternateId(streamId)).toHaveLength(1);
      }
    });

    it('does not go on with a stream whose source is the other data center by now', async () => {
      const input = await publishing.prepare('moved');
      const { streamId } = input.run;
      const assetId = await publishing.both.publishFixture('a', streamId);
      await publishing.both.media('a').updateAsset(assetId, { name: `${streamId} source=b revision=2` });
      const run = await publishing.publish({ ...input, resumes: true });
      expect(failureOf(run)).toMatchObject({ code: 'not-home', retriable: false });
      expect(await publishing.both.media('a').locators(assetId)).toEqual([]);
      expect(await publishing.both.media('b').assetsByAlternateId(streamId)).toEqual([]);
    });

    it('publishes an upload that has the very id as its own number', async () => {
      const alternateId = `own-number-${publishing.count + 1}`;
      const assetId = await publishing.both.upload(
        'a',
        { 'film.mp4': 'a video' },
        { name: 'upload', alternateId },
      );
      const run = await publishing.publish(await publishing.claimed('own-number', { assetId }));
      expect(run.error).toBeUndefined();
      expect(run.output).toMatchObject({ protected: true });
      expect((await publishing.both.media('a').asset(assetId))?.Name).toBe('upload');
    });
  });
});
