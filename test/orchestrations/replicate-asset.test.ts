import { describe, expect, it } from 'vitest';
import type { CopyBlobInput } from '../../src/activities/copy-blob.ts';
import type { ListBatchInput } from '../../src/activities/list-batch.ts';
import type { Batch } from '../../src/activities/plan-batches.ts';
import { copyBlobs } from '../../src/orchestrations/copy-blobs.ts';
import { replicateAsset } from '../../src/orchestrations/replicate-asset.ts';
import type { Outcome } from '../../src/streams/errors.ts';
import { ReplayEngine, type ActivityCall } from './replay-engine.ts';

const urls = { smooth: 's', hls: 'h', dash: 'd' };
const compared = { level: 'bytes', equal: true, files: 0, bytes: 0, differenceCount: 0, differences: [] };
const probe = { parts: [{ part: 'p', sha256: '1' }], requests: 1, bytes: 1 };

/** A target that fills up as blobs are copied; every other activity just succeeds. */
class Copying {
  readonly copied = new Set<string>();
  atOnce = 0;
  most = 0;
  readonly #names: readonly string[];
  readonly #answers: Readonly<Record<string, (input: never) => Outcome<unknown> | undefined>>;

  constructor(blobs: number, answers: Copying['answersType'] = {}) {
    this.#names = Array.from({ length: blobs }, (_, index) => `blob-${String(index).padStart(6, '0')}`);
    this.#answers = answers;
  }

  declare readonly answersType: Readonly<Record<string, (input: never) => Outcome<unknown> | undefined>>;

  readonly perform = async ({ name, input }: ActivityCall): Promise<unknown> => {
    const special = this.#answers[name]?.(input as never);
    if (special !== undefined) return special;
    const ok = (value: unknown) => ({ ok: true, value });
    const left = this.#names.filter((blob) => !this.copied.has(blob));
    switch (name) {
      case 'planBatches': {
        const batches: Batch[] = [];
        for (let start = 0; start < left.length && batches.length < 128; start += 64) {
          const part = left.slice(start, start + 64);
          batches.push({ first: part[0]!, last: part.at(-1)!, blobs: part.length, bytes: part.length });
        }
        const more = left.length > batches.length * 64;
        return ok({ batches, blobs: left.length, bytes: left.length, more });
      }
      case 'listBatch': {
        const { batch } = input as unknown as ListBatchInput;
        const inside = left.filter((blob) => blob >= batch.first && blob <= batch.last);
        return ok({ blobs: inside.map((blob) => ({ name: blob, size: 1, etag: '"1"', isNew: true })) });
      }
      case 'copyBlob': {
        this.atOnce += 1;
        this.most = Math.max(this.most, this.atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        this.atOnce -= 1;
        this.copied.add((input as unknown as CopyBlobInput).blob.name);
        return ok({ size: 1, way: 'server-side' });
      }
      case 'readSas':
      case 'writeSas':
        return ok({ locatorId: name, container: 'asset-1' });
      case 'createAsset':
        return ok({ assetId: 'replica' });
      case 'compareSides':
        return ok(compared);
      case 'replicateLocator':
        return ok({ created: true, urls });
      case 'probeOrigin':
        return ok(probe);
      default:
        return ok({});
    }
  };
}

async function replicate(copying: Copying, target = 5, id?: string) {
  const engine = new ReplayEngine({ replicateAsset, copyBlobs }, copying.perform);
  const { output } = await engine.run(
    'replicateAsset',
    {
      run: { streamId: 'film', runId: '00000000000000aa' },
      source: 'a',
      assetId: 'asset',
      name: { streamId: 'film', source: 'a', revision: 1 },
      locatorId: 'locator',
      urls,
      patience: { source: 5, target, job: 60 },
    },
    id,
  );
  const names = engine.calls.map(({ name }) => name);
  return { engine, names, outcome: output as Outcome<unknown> };
}

/** The last two steps of every way out. */
const tidied = ['deleteSasLocators', 'deleteSasLocators'];

const refusal = { ok: false, error: { code: 'storage-refused', message: 'no', retriable: false } } as const;
const outage = {
  ok: false,
  error: { code: 'storage-unreachable', message: 'later', retriable: true },
} as const;

describe('replicating an asset', () => {
  it('takes the steps in their order, the locator behind the proof', async () => {
    const { names, outcome } = await replicate(new Copying(1));
    expect(outcome).toEqual({ ok: true, value: { urls, compared } });
    expect(names).toEqual([
      ...['startEndpoint', 'readSas', 'createAsset', 'writeSas', 'planBatches', 'listBatch', 'copyBlob'],
      ...['createFileInfos', 'compareSides', 'replicateLocator', 'probeOrigin', 'probeOrigin'],
      ...tidied,
    ]);
  });

  it('tells what it has copied batch by batch, the last one, too', async () => {
    const { engine } = await replicate(new Copying(150));
    const lanes = engine.recorded.filter(({ name }) => name === 'copyBlobs');
    expect(lanes).toHaveLength(3);
    const told = engine.statuses.filter((status) => (status as { bytes?: object } | undefined)?.bytes);
    for (const done of [64, 22]) {
      expect(told).toContainEqual(expect.objectContaining({ bytes: { done, total: 0 } }));
    }
  });

  it('gives no part an id that is longer than the durable engine takes, however much there is to copy', async () => {
    let rounds = 0;
    const batches: Batch[] = [{ first: 'a', last: 'a', blobs: 1, bytes: 1 }];
    const copying = new Copying(0, {
      planBatches: () => {
        rounds += 1;
        return { ok: true, value: { batches, blobs: 1, bytes: 1, more: rounds < 12 } };
      },
    });
    const streamId = 'f'.repeat(64);
    const { engine } = await replicate(copying, 5, `${streamId}-00000000000000aa:replicate`);
    const ids = engine.recorded.map(({ id }) => id);
    expect(new Set(ids).size).toBe(13);
    expect(Math.max(...ids.map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  it('copies nothing when there is nothing to copy', async () => {
    const { names, outcome } = await replicate(new Copying(0));
    expect(outcome.ok).toBe(true);
    expect(names).not.toContain('copyBlob');
  });

  it('copies 10,000 blobs, each once, a bounded number at a time and with bounded histories', async () => {
    const copying = new Copying(10_000);
    const { engine, names, outcome } = await replicate(copying);
    expect(outcome.ok).toBe(true);
    expect(copying.copied.size).toBe(10_000);
    expect(names.filter((name) => name === 'copyBlob')).toHaveLength(10_000);
    expect(copying.most).toBeLessThanOrEqual(4 * 64);
    expect(engine.longestHistory).toBeLessThan(350);
  });

  it('tries again what fails for now, and only that', async () => {
    const failures = new Map([
      ['blob-000003', 2],
      ['blob-000070', 1],
    ]);
    const copying = new Copying(100, {
      copyBlob: ({ blob }: CopyBlobInput) => {
        const left = failures.get(blob.name) ?? 0;
        failures.set(blob.name, left - 1);
        return left > 0 ? outage : undefined;
      },
    });
    const { names, outcome } = await replicate(copying);
    expect(outcome.ok).toBe(true);
    expect(copying.copied.size).toBe(100);
    expect(names.filter((name) => name === 'copyBlob')).toHaveLength(103);
  });

  it('gives up at once on what cannot succeed, and tidies up', async () => {
    const copying = new Copying(3, {
      copyBlob: ({ blob }: CopyBlobInput) => (blob.name === 'blob-000001' ? refusal : undefined),
    });
    const { names, outcome } = await replicate(copying);
    expect(outcome).toEqual(refusal);
    expect(names.filter((name) => name === 'copyBlob')).toHaveLength(3);
    expect(names).not.toContain('replicateLocator');
    expect(names.slice(-2)).toEqual(tidied);
  });

  it('publishes nothing at the target when the bytes differ', async () => {
    const difference = { kind: 'file-content', file: 'film.cmfv' };
    const differing = { ...compared, equal: false, differenceCount: 1, differences: [difference] };
    const { names, outcome } = await replicate(
      new Copying(1, { compareSides: () => ({ ok: true, value: differing }) }),
    );
    expect(outcome).toMatchObject({ ok: false, error: { code: 'sides-differ', retriable: false } });
    expect(JSON.stringify(outcome)).toContain('film.cmfv has other content');
    expect(names).not.toContain('replicateLocator');
    expect(names.slice(-2)).toEqual(tidied);
  });

  it.each([
    [true, 1],
    [false, 0],
  ])(
    'takes the URL away again when it serves other bytes, if this run made it: %s',
    async (created, times) => {
      let probes = 0;
      const { names, outcome } = await replicate(
        new Copying(1, {
          replicateLocator: () => ({ ok: true, value: { created, urls } }),
          probeOrigin: () => {
            probes += 1;
            return { ok: true, value: { ...probe, parts: [{ part: 'film 720p', sha256: String(probes) }] } };
          },
        }),
      );
      expect(outcome).toMatchObject({ ok: false, error: { code: 'probe-failed', retriable: false } });
      expect(names.filter((name) => name === 'deleteLocator')).toHaveLength(times);
      expect(names.slice(-2)).toEqual(tidied);
    },
  );

  it('waits for a target that is away, and no longer than told', async () => {
    const { engine, names, outcome } = await replicate(new Copying(1, { createAsset: () => outage }), 10);
    expect(outcome).toEqual(outage);
    const tries = names.filter((name) => name === 'createAsset').length;
    expect(tries).toBeGreaterThan(10);
    expect(tries).toBeLessThan(40);
    const minutes = (engine.now - Date.UTC(2030, 0, 1)) / 60_000;
    expect(minutes).toBeGreaterThan(9);
    expect(minutes).toBeLessThan(11);
  });
});
