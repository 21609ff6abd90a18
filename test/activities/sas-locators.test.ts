import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createActivities } from '../../src/activities/activities.ts';
import type { Claim, Claims } from '../../src/activities/claims.ts';
import { LocatorType, Permissions } from '../../src/media-service/model.ts';
import { copyBlobs } from '../../src/orchestrations/copy-blobs.ts';
import { replicateAsset } from '../../src/orchestrations/replicate-asset.ts';
import { replicateStream } from '../../src/orchestrations/replicate-stream.ts';
import type { RunReference } from '../../src/streams/operation.ts';
import { operationIdOf, type RunId, type StreamId } from '../../src/streams/stream-id.ts';
import { ReplayEngine } from '../orchestrations/replay-engine.ts';
import { TwoDataCenters } from '../two-data-centers.ts';

describe('the SAS locators of a stream', () => {
  let both: TwoDataCenters;
  let count = 0;

  beforeAll(async () => {
    both = await TwoDataCenters.start();
  });
  afterAll(() => both.close());

  /** A run that takes the stream's claim. */
  async function begin(streamId: string): Promise<RunReference> {
    count += 1;
    const run = { streamId: streamId as StreamId, runId: count.toString(16).padStart(16, '0') as RunId };
    const claim: Claim = {
      subject: run.streamId,
      runId: run.runId,
      kind: 'replicate',
      requestHash: 'hash',
      publishHash: 'hash',
      input: {},
      started: true,
      claimedAt: Date.now(),
    };
    const { claims } = both.dependencies;
    const held = await claims.read(run.streamId);
    if (held === undefined) await claims.insert(claim, undefined);
    else await claims.replace(held, claim, undefined);
    return run;
  }

  it("outlast a verification by the other region's app, and are gone at the end", async () => {
    const assetId = await both.publishFixture('a', 'verified');
    const run = await begin('verified');
    const theirRun = { ...run, runId: 'bbbbbbbbbbbbbbbb' as RunId };
    // Its claims are in a table of its own.
    const claims = { holds: () => Promise.resolve(true) } as unknown as Claims;
    const theirs = createActivities({
      ...both.dependencies,
      claims,
      settings: { ...both.dependencies.settings, home: 'b' },
    });
    const perform = both.perform();
    let verified = 0;
    const engine = new ReplayEngine({ replicateStream, replicateAsset, copyBlobs }, async (call) => {
      if (call.name !== 'copyBlob' || (verified += 1) > 1) return perform(call);
      const { stream } = await theirs.findStream({ side: 'b', streamId: run.streamId });
      const places = [
        { run: theirRun, side: 'a', assetId },
        { run: theirRun, side: 'b', assetId: stream!.assetId },
      ] as const;
      for (const place of places) await theirs.readSas(place);
      const outcome = await perform(call);
      for (const place of places) await theirs.deleteSasLocators(place);
      return outcome;
    });
    const input = { run, source: 'a', patience: { source: 1, target: 1, job: 60 } } as const;
    const ended = await engine.run('replicateStream', input, operationIdOf(run.streamId, run.runId));
    expect(ended.error).toBeUndefined();
    expect(ended.output).toMatchObject({ protected: true });
    expect(verified).toBeGreaterThan(1);
    for (const side of ['a', 'b'] as const) expect((await both.locatorsOf(side)).sas).toBe(0);
  });

  it('are left to the run that holds the stream, whatever an earlier one does when it ends', async () => {
    const assetId = await both.publishFixture('a', 'taken-over');
    const first = { run: await begin('taken-over'), side: 'a', assetId } as const;
    await both.activities.readSas(first);
    const second = { ...first, run: await begin('taken-over') };
    const { locatorId } = await both.activities.readSas(second);
    // What the first one left is tidied up by the second.
    expect((await both.media('a').locators(assetId)).map(({ Id }) => Id)).toEqual([locatorId]);
    expect(await both.activities.deleteSasLocators(first)).toEqual({ deleted: 0 });
    expect(await both.media('a').locator(locatorId)).toBeDefined();
    expect(await both.activities.deleteSasLocators(second)).toEqual({ deleted: 1 });
    expect(await both.media('a').locators(assetId)).toEqual([]);
  });

  it('go when they have expired, whoever left them', async () => {
    const assetId = await both.publishFixture('a', 'expired');
    const media = both.media('a');
    const policy = await media.accessPolicy({
      name: 'short',
      durationInMinutes: 1,
      permissions: Permissions.Read,
    });
    await media.createLocator({
      name: 'failover-sas b read bbbbbbbbbbbbbbbb',
      type: LocatorType.Sas,
      accessPolicyId: policy.Id,
      assetId,
      startTime: new Date(Math.floor((Date.now() - 600_000) / 1000) * 1000),
    });
    const place = { run: await begin('expired'), side: 'a', assetId } as const;
    expect(await both.activities.deleteSasLocators(place)).toEqual({ deleted: 1 });
    expect(await media.locators(assetId)).toEqual([]);
  });
});
