import { describe, expect, it } from 'vitest';
import type { AssetId, LocatorId } from '../../src/media-service/model.ts';
import {
  compare,
  describeDifferences,
  type Comparison,
  type Difference,
} from '../../src/streams/comparison.ts';
import type { SideState } from '../../src/streams/side-state.ts';
import type { StreamId } from '../../src/streams/stream-id.ts';

const scope = { level: 'bytes', locators: true, now: Date.UTC(2030, 0, 1) } as const;

function side(change: Partial<SideState> = {}): SideState {
  return {
    side: 'a',
    assetId: 'nb:cid:UUID:6f0c7d4e-0000-4000-8000-000000000001' as AssetId,
    name: { streamId: 'hello' as StreamId, source: 'a', revision: 3, mark: undefined },
    files: [
      { name: 'hello.ism', size: 1000, md5: 'aa' },
      { name: 'hello_1.cmfv', size: 5_000_000_000, md5: 'bb' },
    ],
    primaryFile: 'hello.ism',
    locator: {
      id: 'nb:lid:UUID:6f0c7d4e-0000-4000-8000-000000000002' as LocatorId,
      start: '2026-01-01T00:00:00.000Z',
      expires: '2036-01-01T00:00:00.000Z',
      path: 'https://one.example/6f0c7d4e-0000-4000-8000-000000000002/',
    },
    ...change,
  };
}

/** The same stream at the other side: another asset at another endpoint. */
function otherSide(change: Partial<SideState> = {}): SideState {
  const { locator } = side();
  return side({
    side: 'b',
    assetId: 'nb:cid:UUID:6f0c7d4e-0000-4000-8000-000000000009' as AssetId,
    locator: locator && { ...locator, path: 'https://two.example/6f0c7d4e-0000-4000-8000-000000000002/' },
    ...change,
  });
}

describe('two sides', () => {
  it('are equal when only asset and endpoint differ', () => {
    expect(compare(side(), otherSide(), scope)).toEqual({
      level: 'bytes',
      equal: true,
      files: 2,
      bytes: 5_000_001_000,
      differenceCount: 0,
      differences: [],
    } satisfies Comparison);
  });

  it('are equal in whatever order their files come', () => {
    const { files } = side();
    expect(compare(side(), otherSide({ files: files.toReversed() }), scope).equal).toBe(true);
  });

  const [manifest, video] = side().files as [SideState['files'][0], SideState['files'][0]];
  const locator = side().locator!;
  const name = side().name;
  const differing: [Difference, source: SideState | undefined, target: SideState | undefined][] = [
    [{ kind: 'asset-missing', side: 'source' }, undefined, otherSide()],
    [{ kind: 'asset-missing', side: 'target' }, side(), undefined],
    [{ kind: 'name', source: 'a 3', target: 'b 3' }, side(), otherSide({ name: { ...name, source: 'b' } })],
    [{ kind: 'name', source: 'a 3', target: 'a 2' }, side(), otherSide({ name: { ...name, revision: 2 } })],
    [
      { kind: 'name', source: 'a 3', target: 'a 3 deleted' },
      side(),
      otherSide({ name: { ...name, mark: 'deleted' } }),
    ],
    [{ kind: 'file-missing', file: 'hello_1.cmfv' }, side(), otherSide({ files: [manifest] })],
    [{ kind: 'file-extra', file: 'hello_1.cmfv' }, side({ files: [manifest] }), otherSide()],
    [
      { kind: 'file-size', file: 'hello.ism', source: 1000, target: 999 },
      side(),
      otherSide({ files: [{ ...manifest, size: 999 }, video] }),
    ],
    [
      { kind: 'file-content', file: 'hello_1.cmfv' },
      side(),
      otherSide({ files: [manifest, { ...video, md5: 'bc' }] }),
    ],
    [{ kind: 'primary-file' }, side(), otherSide({ primaryFile: undefined })],
    [{ kind: 'locator-missing', side: 'source' }, side({ locator: undefined }), otherSide()],
    [{ kind: 'locator-missing', side: 'target' }, side(), otherSide({ locator: undefined })],
    [
      { kind: 'locator-id' },
      side(),
      otherSide({
        locator: { ...locator, id: 'nb:lid:UUID:6f0c7d4e-0000-4000-8000-00000000000a' as LocatorId },
      }),
    ],
    [{ kind: 'locator-times' }, side(), otherSide({ locator: { ...locator, start: null } })],
    [
      { kind: 'locator-times' },
      side(),
      otherSide({ locator: { ...locator, expires: '2036-01-01T00:00:01.000Z' } }),
    ],
  ];

  it.each(differing)('differ by %j and nothing else', (difference, source, target) => {
    const comparison = compare(source, target, scope);
    expect(comparison).toMatchObject({ equal: false, differenceCount: 1, differences: [difference] });
  });

  it('tell all kinds of differences in different words', () => {
    const told = differing.map(([, source, target]) => describeDifferences(compare(source, target, scope)));
    expect(new Set(told).size).toBe(differing.length - 1); // both of locator-times read the same
    for (const words of told) expect(words).toMatch(/^\S.*\S$/);
  });

  it('that do not know an MD5 are compared by their sizes', () => {
    const files = [{ ...manifest, md5: undefined }, video];
    expect(compare(side(), otherSide({ files }), scope).equal).toBe(true);
    expect(compare(side({ files }), otherSide(), scope).equal).toBe(true);
  });

  it('are not compared by locators while the target has none yet', () => {
    const target = otherSide({ locator: undefined });
    expect(compare(side(), target, { ...scope, locators: false }).equal).toBe(true);
  });

  it('whose URL has expired are not equal, however alike they are', () => {
    const now = Date.parse(locator.expires);
    expect(compare(side(), otherSide(), { ...scope, now: now - 1 }).equal).toBe(true);
    const comparison = compare(side(), otherSide(), { ...scope, now });
    expect(comparison).toMatchObject({
      equal: false,
      differences: [
        { kind: 'locator-expired', side: 'source' },
        { kind: 'locator-expired', side: 'target' },
      ],
    });
    expect(describeDifferences(comparison)).toBe(
      "the source's origin locator has expired; the target's origin locator has expired",
    );
    expect(compare(side(), otherSide(), { ...scope, now, locators: false }).equal).toBe(true);
  });

  it('show the first differences of many, and count all', () => {
    const files = Array.from({ length: 50 }, (_, index) => ({ name: `${index}.cmfv`, size: 1, md5: 'aa' }));
    const comparison = compare(side({ files }), otherSide({ files: [] }), scope);
    expect(comparison).toMatchObject({ equal: false, files: 50, bytes: 50, differenceCount: 50 });
    expect(comparison.differences).toHaveLength(20);
    expect(comparison.differences[0]).toEqual({ kind: 'file-missing', file: '0.cmfv' });
    expect(describeDifferences(comparison)).toMatch(/^0\.cmfv is missing at the target; .*; and 45 more$/);
  });
});
