import { expect, test } from 'vitest';
import { ContentHealthCheck } from '../../../src/media-service/api/content-health.ts';
import { StorageUnavailableError } from '../../../src/media-service/errors.ts';
import type { ContentProbe } from '../../../src/media-service/origin/probe.ts';
import { memoryLog } from '../running-service.ts';

const good: ContentProbe = { outcome: 'good' };
const bad: ContentProbe = { outcome: 'bad', code: 'malformed-media', message: 'No box.' };

/** A check over a library whose assets answer as told, and a clock that every look puts on. */
function checkOver(library: {
  samples?: string[];
  state?: () => string;
  probe?: (id: string) => ContentProbe;
  log?: Readonly<Record<string, unknown>>[];
}) {
  let now = 0;
  const { samples = [], state = () => 'Running', probe = () => good, log = [] } = library;
  const check = new ContentHealthCheck({
    endpointState: async () => state(),
    content: { sample: async () => samples },
    probe: async (id) => probe(id),
    log: memoryLog(log),
    now: () => (now += 60_000),
  });
  return check;
}

test('an empty library is healthy', async () => {
  expect(await checkOver({}).check()).toEqual({ healthy: true, sampled: 0, failed: 0 });
});

test('an endpoint that is not Running, and storage that is not there, are unhealthy at once', async () => {
  const stopped = checkOver({ state: () => 'Stopped' });
  expect(await stopped.check()).toMatchObject({ healthy: false, reason: 'endpoint-not-running' });
  const noTables = checkOver({
    state: () => {
      throw new StorageUnavailableError('gone');
    },
  });
  expect(await noTables.check()).toMatchObject({ healthy: false, reason: 'storage-unavailable' });
  const noBlobs = checkOver({
    samples: ['a'],
    probe: () => ({ outcome: 'bad', code: 'storage-unavailable', message: 'Gone.' }),
  });
  expect(await noBlobs.check()).toMatchObject({ healthy: false, reason: 'storage-unavailable' });
});

test('bad content is unhealthy only when most of several samples fail, three rounds in a row', async () => {
  let failing = ['a', 'b', 'c'];
  const check = checkOver({
    samples: ['a', 'b', 'c', 'd'],
    probe: (id) => (failing.includes(id) ? bad : good),
  });
  const rounds = async (count: number): Promise<boolean[]> => {
    const seen: boolean[] = [];
    for (let round = 0; round < count; round++) seen.push((await check.check()).healthy);
    return seen;
  };
  expect(await rounds(2)).toEqual([true, true]);
  failing = ['a', 'b'];
  expect(await rounds(1)).toEqual([true]);
  failing = ['a', 'b', 'c'];
  expect(await rounds(4)).toEqual([true, true, false, false]);
  failing = [];
  expect(await rounds(1)).toEqual([true]);
});

test('one bad film is no reason to take an origin away', async () => {
  const check = checkOver({ samples: ['a'], probe: () => bad });
  for (let round = 0; round < 5; round++) {
    expect(await check.check()).toEqual({ healthy: true, sampled: 1, failed: 1 });
  }
});

test('why it is unhealthy is logged once per change', async () => {
  const log: Readonly<Record<string, unknown>>[] = [];
  let trouble: 'none' | 'storage' | 'content' = 'storage';
  const check = checkOver({
    samples: ['a', 'b'],
    state: () => {
      if (trouble === 'storage') throw new StorageUnavailableError('Asked in vain.');
      return 'Running';
    },
    probe: () => (trouble === 'content' ? bad : good),
    log,
  });
  const rounds = async (count: number): Promise<void> => {
    for (let round = 0; round < count; round++) await check.check();
  };
  await rounds(3);
  expect(log).toMatchObject([
    { level: 40, reason: 'storage-unavailable', err: { message: 'Asked in vain.' } },
  ]);
  trouble = 'none';
  await rounds(2);
  trouble = 'content';
  await rounds(5);
  expect(log.slice(1)).toMatchObject([
    { level: 30, after: 'storage-unavailable' },
    { level: 40, reason: 'content-fails', sampled: 2, failed: 2, codes: ['malformed-media'] },
  ]);
});
