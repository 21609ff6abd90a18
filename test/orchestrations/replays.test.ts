import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { copyBlobs } from '../../src/orchestrations/copy-blobs.ts';
import { publishStream } from '../../src/orchestrations/publish-stream.ts';
import { replicateAsset } from '../../src/orchestrations/replicate-asset.ts';
import { replicateStream } from '../../src/orchestrations/replicate-stream.ts';
import { resync } from '../../src/orchestrations/resync.ts';
import { verifyStream } from '../../src/orchestrations/verify-stream.ts';
import { waitForJob } from '../../src/orchestrations/wait-for-job.ts';
import { parseFailureText } from '../../src/streams/errors.ts';
import { replayRecorded, type RecordedGeneration } from './recorded-generation.ts';
import { ReplayEngine, type Run } from './replay-engine.ts';

const orchestrations = {
  publishStream,
  replicateAsset,
  replicateStream,
  copyBlobs,
  waitForJob,
  resync,
  verifyStream,
};
const run = { streamId: 'film', runId: '00000000000000aa' };
const patience = { source: 5, target: 5, job: 60 };
const urls = { smooth: 's', hls: 'h', dash: 'd' };
const name = { streamId: 'film', source: 'a', revision: 1 };
const compared = { level: 'bytes', equal: true, files: 2, bytes: 2, differenceCount: 0, differences: [] };
const differing = {
  ...compared,
  equal: false,
  differenceCount: 1,
  differences: [{ kind: 'file-content', file: 'film.cmfv' }],
};
const batch = { first: 'blob', last: 'blob', blobs: 1, bytes: 1 };
const found = { stream: { assetId: 'asset-a', name } };

/** What every step answers unless a scenario has its own answer. */
const usual: Readonly<Record<string, unknown>> = {
  findStream: { stream: null },
  inspectInput: { fileName: 'film.mp4', size: 1 },
  encode: { jobId: 'job' },
  readJob: { state: 'finished', percent: 100, reason: '' },
  publishAsset: { assetId: 'asset-a', name },
  createOriginLocator: { locatorId: 'locator', urls },
  readSas: { locatorId: 'read', container: 'asset' },
  writeSas: { locatorId: 'write', container: 'asset' },
  createAsset: { assetId: 'asset-b' },
  planBatches: { batches: Array(5).fill(batch), blobs: 5, bytes: 5, more: false },
  listBatch: { blobs: [{ name: 'blob', size: 1, etag: '"1"' }] },
  copyBlob: { size: 1, way: 'server-side' },
  compareSides: compared,
  replicateLocator: { created: true, urls },
  probeOrigin: { parts: [{ part: 'p', sha256: '1' }], requests: 1, bytes: 1 },
};

type Input = Record<string, unknown>;
interface Asked {
  readonly input: Input;
  /** How often this step was asked before. */
  readonly before: number;
  readonly cancel: () => void;
  /** How often a step was asked. */
  readonly times: (step: string) => number;
}
type Answer = (asked: Asked, engine: ReplayEngine) => unknown;

const failed = (code: string, retriable: boolean) => ({
  ok: false,
  error: { code, message: code, retriable },
});
const away = failed('media-service-unreachable', true);

interface Scenario {
  readonly orchestration: keyof typeof orchestrations;
  readonly input: unknown;
  readonly answers: Readonly<Record<string, Answer>>;
}

async function play({ orchestration, input, answers }: Scenario) {
  const counts = new Map<string, number>();
  const id = `${run.streamId}-${run.runId}`;
  const engine: ReplayEngine = new ReplayEngine(orchestrations, async (call) => {
    const before = counts.get(call.name) ?? 0;
    counts.set(call.name, before + 1);
    const asked: Asked = {
      input: call.input,
      before,
      cancel: () => engine.raiseEvent(id, 'cancel'),
      times: (step) => counts.get(step) ?? 0,
    };
    const value = (await answers[call.name]?.(asked, engine)) ?? usual[call.name] ?? {};
    const isOutcome = typeof value === 'object' && 'ok' in value;
    return isOutcome ? value : { ok: true, value };
  });
  const ended = await engine.run(orchestration, input, id);
  expect(engine.unfinished).toEqual([]);
  return { ...ended, engine, times: (step: string) => counts.get(step) ?? 0 };
}

const publishInput = {
  run,
  source: 'a',
  input: { assetId: 'input' },
  requestHash: 'hash',
  preset: 'Adaptive Streaming',
  patience,
  resumes: false,
};
const resyncInput = { source: 'a', mode: 'repair', level: 'properties', patience };
/** Two streams are not protected until they were tried. */
const findUnprotected: Answer = ({ input }) =>
  (input['skip'] as string[]).length > 0
    ? { checked: 3, count: 0, streams: [] }
    : {
        checked: 5,
        count: 2,
        streams: ['one', 'two'].map((streamId) => ({ streamId, reason: 'the target has no asset' })),
      };
const claimStream: Answer = ({ before }) => ({ runId: String(before).padStart(16, '0'), reason: '' });

const scenarios = {
  publish: { orchestration: 'publishStream', input: publishInput, answers: {} },
  'publish, canceled while it encodes': {
    orchestration: 'publishStream',
    input: publishInput,
    answers: {
      readJob: ({ before, cancel, times }) => {
        if (before === 0) cancel();
        return { state: times('cancelJob') > 0 ? 'canceled' : 'processing', percent: 10, reason: '' };
      },
    },
  },
  'publish, canceled while it copies': {
    orchestration: 'publishStream',
    input: publishInput,
    answers: {
      copyBlob: ({ before, cancel }) => {
        if (before === 0) cancel();
        return undefined;
      },
      listBatch: ({ times }) => (times('requestCancel') > 0 ? failed('canceled', false) : undefined),
    },
  },
  'publish, target lost': {
    orchestration: 'publishStream',
    input: publishInput,
    answers: { startEndpoint: ({ input }) => (input['side'] === 'b' ? away : undefined) },
  },
  'wait for a long job': {
    orchestration: 'waitForJob',
    input: { run, side: 'a', jobId: 'job', patience },
    answers: {
      readJob: ({ before }) => {
        if (before === 5) return away;
        return before < 70 ? { state: 'processing', percent: before, reason: '' } : undefined;
      },
    },
  },
  'wait for a job that is stuck': {
    orchestration: 'waitForJob',
    input: { run, side: 'a', jobId: 'job', patience },
    answers: { readJob: () => ({ state: 'processing', percent: 10, reason: '' }) },
  },
  'replicate, canceled while it copies': {
    orchestration: 'replicateStream',
    input: { run, source: 'a', patience },
    answers: {
      findStream: () => found,
      copyBlob: ({ before, cancel }) => {
        if (before === 0) cancel();
        return undefined;
      },
      listBatch: ({ times }) => (times('requestCancel') > 0 ? failed('canceled', false) : undefined),
    },
  },
  're-sync, report': {
    orchestration: 'resync',
    input: { ...resyncInput, mode: 'report' },
    answers: { findUnprotected },
  },
  're-sync, repair': {
    orchestration: 'resync',
    input: resyncInput,
    answers: { findUnprotected, findStream: () => found, claimStream },
  },
  're-sync, target lost': {
    orchestration: 'resync',
    input: resyncInput,
    answers: {
      findUnprotected,
      findStream: () => found,
      claimStream,
      startEndpoint: ({ input }) => (input['side'] === 'b' ? away : undefined),
    },
  },
  're-sync, by bytes': {
    orchestration: 'resync',
    input: { ...resyncInput, level: 'bytes' },
    answers: {
      findUnprotected: () => ({ checked: 40, count: 0, streams: [] }),
      // Two pages of streams that are equal by their properties; one of them is not by its bytes.
      findProtected: ({ input }) =>
        input['after'] === null
          ? { streams: ['one', 'two', 'three', 'four'], next: 'two' }
          : { streams: ['six', 'busy'], next: null },
      findStream: () => found,
      claimStream: ({ input, before }) =>
        input['streamId'] === 'busy'
          ? { runId: null, reason: 'Another operation is at it.' }
          : { runId: String(before).padStart(16, '0'), reason: '' },
      compareSides: ({ input }) => {
        const { streamId } = input['run'] as { streamId: string };
        return streamId === 'two' ? differing : undefined;
      },
    },
  },
} as const satisfies Record<string, Scenario>;

type Title = keyof typeof scenarios;

const failureOf = ({ error }: Run) => parseFailureText(error?.replace(/^.*? failed: /, '') ?? '');

describe('orchestrations, with steps that answer as told', () => {
  it.each(['publish, canceled while it copies', 'replicate, canceled while it copies'] as const)(
    '%s: end as canceled, leave what is published, delete every SAS locator',
    async (title) => {
      const ended = await play(scenarios[title]);
      expect(failureOf(ended)).toMatchObject({ code: 'canceled', retriable: false });
      expect(ended.times('requestCancel')).toBe(1);
      expect(ended.times('replicateLocator')).toBe(0);
      expect(ended.times('discardOutput')).toBe(0);
      expect(ended.times('deleteSasLocators')).toBeGreaterThanOrEqual(2);
      expect(ended.times('finishRun')).toBe(1);
    },
  );

  it('publish, canceled while it encodes: cancels the job and discards its output', async () => {
    const ended = await play(scenarios['publish, canceled while it encodes']);
    expect(failureOf(ended)).toMatchObject({ code: 'canceled' });
    expect(ended.times('cancelJob')).toBeGreaterThan(0);
    expect(ended.times('discardOutput')).toBe(1);
    expect(ended.times('publishAsset')).toBe(0);
  });

  it('publish, target lost: is published, not protected, after as long as told', async () => {
    const { output, engine } = await play(scenarios['publish, target lost']);
    expect(output).toMatchObject({ protected: false, problem: { code: 'media-service-unreachable' } });
    const minutes = (engine.now - Date.UTC(2030, 0, 1)) / 60_000;
    expect(minutes).toBeGreaterThan(4);
    expect(minutes).toBeLessThan(6);
  });

  it('wait for a long job: goes on over an outage, with short histories', async () => {
    const { output, engine } = await play(scenarios['wait for a long job']);
    expect(output).toEqual({ ok: true, value: {} });
    expect(engine.longestHistory).toBeLessThan(300);
    expect(engine.recorded.length).toBe(3);
  });

  it('wait for a job that is stuck: cancels it', async () => {
    const ended = await play(scenarios['wait for a job that is stuck']);
    expect(ended.output).toMatchObject({ ok: false, error: { code: 'encoding-stuck', retriable: false } });
    expect(ended.times('cancelJob')).toBe(1);
  });

  it('wait for a job in the queue: that is no lack of progress, and is told as waiting for the encoder', async () => {
    const { output, engine } = await play({
      orchestration: 'waitForJob',
      input: { run, side: 'a', jobId: 'job', patience: { ...patience, queue: 120 } },
      answers: {
        // A look every ten seconds: longer than the 60 minutes that a job may make no progress.
        readJob: ({ before }) =>
          before < 500 ? { state: 'waiting', percent: 0, reason: '' } : usual['readJob'],
      },
    });
    expect(output).toEqual({ ok: true, value: {} });
    expect(engine.now - Date.UTC(2030, 0, 1)).toBeGreaterThan(70 * 60_000);
    expect(engine.statuses).toContainEqual({ step: 'waitForEncoder', percent: 10 });
  });

  it('wait for a job that no encoder ever takes: cancels it when that takes too long', async () => {
    const { output, times } = await play({
      orchestration: 'waitForJob',
      input: { run, side: 'a', jobId: 'job', patience: { ...patience, queue: 90 } },
      answers: { readJob: () => ({ state: 'waiting', percent: 0, reason: '' }) },
    });
    expect(output).toMatchObject({ ok: false, error: { code: 'encoding-stuck', retriable: false } });
    expect(times('readJob')).toBeGreaterThan(500);
    expect(times('cancelJob')).toBe(1);
  });

  it('re-sync, report: begins nothing', async () => {
    const ended = await play(scenarios['re-sync, report']);
    expect(ended.output).toMatchObject({ mode: 'report', checked: 5, unprotected: 2, repaired: 0 });
    expect(ended.times('claimStream')).toBe(0);
  });

  it('re-sync, repair: replicates what is not protected', async () => {
    const { output } = await play(scenarios['re-sync, repair']);
    expect(output).toMatchObject({ mode: 'repair', checked: 5, unprotected: 0, repaired: 2, open: [] });
  });

  it('re-sync, target lost: tells what is open, and why', async () => {
    const { output } = await play(scenarios['re-sync, target lost']);
    expect(output).toMatchObject({
      unprotected: 2,
      repaired: 0,
      open: ['one', 'two'].map((streamId) => ({
        streamId,
        reason: expect.stringContaining('media-service-unreachable') as string,
      })),
    });
  });

  it('re-sync, by bytes: reads page by page what is equal by its properties, and leaves what is busy', async () => {
    const ended = await play(scenarios['re-sync, by bytes']);
    expect(ended.output).toMatchObject({
      level: 'bytes',
      checked: 40,
      // Its replica's bytes are wrong under right properties: nothing is published anew before a person has looked.
      open: [{ streamId: 'two', reason: expect.stringContaining('film.cmfv') as string }],
      unprotected: 1,
      repaired: 0,
    });
    const verified = ended.engine.recorded.filter((one) => one.name === 'verifyStream');
    expect(verified).toHaveLength(5);
    expect(ended.times('findProtected')).toBe(2);
  });
});

describe('orchestrations that meet trouble', () => {
  const minute = 60_000;
  const minutesOf = ({ now }: ReplayEngine): number => (now - Date.UTC(2030, 0, 1)) / minute;

  it('publish, canceled, but the job cannot be: waits for it, so that nothing runs on, and ends as canceled', async () => {
    const ended = await play({
      orchestration: 'publishStream',
      input: publishInput,
      answers: {
        readJob: ({ before, cancel }) => {
          if (before === 0) cancel();
          return before < 20 ? { state: 'processing', percent: 10, reason: '' } : undefined;
        },
        cancelJob: () => failed('media-service-refused', false),
      },
    });
    expect(failureOf(ended)).toMatchObject({ code: 'canceled' });
    expect(ended.times('discardOutput')).toBe(1);
  });

  it('publish, canceled, but its claim cannot be written: waits for the copies, so that nothing runs on', async () => {
    const ended = await play({
      orchestration: 'publishStream',
      input: publishInput,
      answers: {
        copyBlob: ({ before, cancel }) => {
          if (before === 0) cancel();
          return undefined;
        },
        requestCancel: () => failed('storage-refused', false),
      },
    });
    expect(ended.output).toMatchObject({ protected: true });
  });

  it('publish, canceled while its source is lost: does not wait for the source', async () => {
    const ended = await play({
      orchestration: 'publishStream',
      input: { ...publishInput, patience: { ...patience, encoding: 240 } },
      answers: {
        publishAsset: ({ before, cancel }) => {
          if (before === 10) cancel();
          return away;
        },
      },
    });
    expect(failureOf(ended)).toMatchObject({ code: 'canceled' });
    expect(minutesOf(ended.engine)).toBeLessThan(10);
    expect(ended.times('discardOutput')).toBe(1);
  });

  it('publish, source lost for hours while it encodes: goes on where it was, with short histories', async () => {
    let lostAt = Infinity;
    const ended = await play({
      orchestration: 'publishStream',
      input: { ...publishInput, patience: { ...patience, encoding: 240 } },
      answers: {
        readJob: ({ before }, { now }) => {
          if (before === 5) lostAt = now;
          if (now >= lostAt && now < lostAt + 200 * minute) return away;
          return before < 5 ? { state: 'processing', percent: before, reason: '' } : undefined;
        },
      },
    });
    expect(ended.output).toMatchObject({ protected: true });
    expect(ended.times('encode')).toBe(1);
    expect(minutesOf(ended.engine)).toBeGreaterThan(200);
    expect(ended.engine.longestHistory).toBeLessThan(1000);
  });

  it('publish, target lost for a day: asks more and more seldom, so that the history stays short', async () => {
    const ended = await play({
      ...scenarios['publish, target lost'],
      input: { ...publishInput, patience: { ...patience, target: 1440 } },
    });
    expect(ended.output).toMatchObject({ protected: false });
    expect(minutesOf(ended.engine)).toBeGreaterThan(1400);
    expect(ended.engine.longestHistory).toBeLessThan(2000);
  });

  it.each([
    ['fails once', () => failed('storage-unreachable', true)],
    ['is lost once', () => Promise.reject(new Error('node exited with code 137'))],
  ])(
    'publish, a copy that has gone on for longer than the patience %s: is tried again',
    async (_case, trouble) => {
      const ended = await play({
        orchestration: 'publishStream',
        input: publishInput,
        answers: {
          copyBlob: ({ before }, engine) => {
            if (before > 0) return undefined;
            engine.now += 11 * minute;
            return trouble();
          },
        },
      });
      expect(ended.output).toMatchObject({ protected: true });
      expect(ended.times('copyBlob')).toBe(6);
    },
  );

  it('publish, a step that takes longer than the patience and is lost each time: is tried five times', async () => {
    const ended = await play({
      orchestration: 'publishStream',
      input: publishInput,
      answers: {
        compareSides: (_asked, engine) => {
          engine.now += 11 * minute;
          return Promise.reject(new Error('node exited with code 137'));
        },
      },
    });
    expect(ended.output).toMatchObject({ protected: false, problem: { code: 'activity-lost' } });
    expect(ended.times('compareSides')).toBe(5);
  });

  it('publish, its source lost while the URLs are probed: leaves the target its URL, whose bytes are proven', async () => {
    const ended = await play({
      orchestration: 'publishStream',
      input: publishInput,
      answers: {
        probeOrigin: ({ input }) => (input['side'] === 'a' ? failed('origin-unreachable', true) : undefined),
      },
    });
    expect(ended.output).toMatchObject({ protected: false, problem: { code: 'origin-unreachable' } });
    expect(ended.times('deleteLocator')).toBe(0);
  });

  it('publish, its target not playing what it was given: takes the URL away again', async () => {
    const ended = await play({
      orchestration: 'publishStream',
      input: publishInput,
      answers: {
        probeOrigin: () => failed('origin-unreachable', true),
      },
    });
    expect(ended.output).toMatchObject({ protected: false, problem: { code: 'origin-unreachable' } });
    expect(ended.times('deleteLocator')).toBe(1);
  });
});

/** After a wanted change of the steps' order: `RECORD_HISTORIES=1 npx vitest run test/orchestrations/replays`. */
const isRecording = process.env['RECORD_HISTORIES'] === '1';
const fileOf = (title: Title): string =>
  join(import.meta.dirname, '../fixtures/histories', `${title.replaceAll(/[^a-z]+/g, '-')}.jsonl`);

describe('runs that were under way when the app was deployed anew go on as they began:', () => {
  // A stuck job's history is as a long one's, and very long.
  const titles = (Object.keys(scenarios) as Title[]).filter((title) => !title.includes('stuck'));
  it.each(titles)('%s', async (title) => {
    const file = fileOf(title);
    if (isRecording) {
      const { engine } = await play(scenarios[title]);
      await writeFile(file, engine.recorded.map((one) => `${JSON.stringify(one)}\n`).join(''));
    }
    expect(existsSync(file), file).toBe(true);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    for (const line of lines) {
      const recorded = JSON.parse(line) as RecordedGeneration;
      const { episodes } = await replayRecorded(
        orchestrations[recorded.name as keyof typeof orchestrations],
        recorded,
      );
      expect(episodes).toBeGreaterThan(0);
    }
  });
});
