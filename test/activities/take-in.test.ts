import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSocketServer, type AddressInfo } from 'node:net';
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { toOutcome } from '../../src/activities/activities.ts';
import type { TakeInLimits, TakenIn } from '../../src/activities/intake.ts';
import { takeIn } from '../../src/activities/take-in.ts';
import type { Outcome } from '../../src/streams/errors.ts';
import type { RunReference } from '../../src/streams/operation.ts';
import type { RunId, StreamId } from '../../src/streams/stream-id.ts';
import { TwoDataCenters } from '../two-data-centers.ts';

const mebibyte = 2 ** 20;
const content = Buffer.from(
  Array.from({ length: 20 * 1024 }, (_, index) => String(index).padStart(1024, '.')).join(''),
);

describe('taking in a URL', () => {
  let both: TwoDataCenters;
  let server: Server;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let asked: (string | undefined)[] = [];
  let count = 0;

  beforeAll(async () => {
    both = await TwoDataCenters.start({ allowPrivateInputUrls: true, inputMaxBytes: 64 * mebibyte });
    server = createServer((request, response) => {
      asked.push(request.headers.range);
      answer(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await both.close();
  });
  beforeEach(() => {
    asked = [];
    answer = serve();
  });

  /** A file server as they are: ranges, a strong ETag. */
  function serve({ etag = '"1"', upTo = Infinity, body = content } = {}): typeof answer {
    return (request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const rest = body.subarray(from);
      response.writeHead(from > 0 ? 206 : 200, {
        etag,
        'accept-ranges': 'bytes',
        'content-type': 'video/mp4',
        'content-length': rest.length,
        ...(from > 0 ? { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` } : {}),
      });
      if (rest.length <= upTo) response.end(rest);
      else response.write(rest.subarray(0, upTo), () => response.socket?.end());
    };
  }

  /** As `serve`, and stands still after so many bytes of every answer. */
  function stall(upTo: number, etag = '"1"'): typeof answer {
    return (request, response) => {
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, {
        etag,
        'accept-ranges': 'bytes',
        'content-length': content.length - from,
        ...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
      });
      response.write(content.subarray(from, from + upTo));
    };
  }

  async function begin(path = '/film%20one.mp4?sig=SECRET'): Promise<{
    take: (budget?: number, activity?: ReturnType<typeof takeIn>) => Promise<Outcome<TakenIn>>;
    stored: () => Promise<{ names: string[]; bytes: Buffer }>;
    run: RunReference;
  }> {
    count += 1;
    const run = { streamId: `taken-${count}` as StreamId, runId: String(count).padStart(16, '0') as RunId };
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
    await both.dependencies.claims.insert(
      {
        ...{ subject: run.streamId, runId: run.runId, kind: 'publish', requestHash: 'h', publishHash: 'h' },
        ...{ input: {}, started: true, claimedAt: Date.now() },
      },
      url,
    );
    const { assetId } = await both.activities.createAsset({
      run,
      side: 'a',
      purpose: { kind: 'input', requestHash: 'h' },
    });
    const { locatorId } = await both.activities.writeSas({ run, side: 'a', assetId });
    const target = { side: 'a', sasLocatorId: locatorId } as const;
    return {
      run,
      take: (budget = 60, activity = both.activities.takeIn) =>
        toOutcome(() => activity({ run, target, requestHash: 'h', budget })),
      stored: async () => {
        const sas = await both.dependencies.dataCenters.a.containers.url(locatorId);
        const container = new ContainerClient(sas);
        const names: string[] = [];
        for await (const { name } of container.listBlobsFlat()) names.push(name);
        const bytes =
          names[0] === undefined ? Buffer.of() : await container.getBlobClient(names[0]).downloadToBuffer();
        return { names, bytes };
      },
    };
  }

  it('stores the file under its own name, and forgets the URL', async () => {
    const { take, stored, run } = await begin();
    expect(await take()).toEqual({
      ok: true,
      value: { finished: true, done: content.length, total: content.length },
    });
    const { names, bytes } = await stored();
    expect(names).toEqual(['film one.mp4']);
    expect(bytes.equals(content)).toBe(true);
    expect(await both.dependencies.claims.inputUrl(run)).toBeUndefined();
    // An execution whose answer was lost finds it done.
    expect(await take()).toMatchObject({ ok: true, value: { finished: true, done: content.length } });
    expect(asked).toHaveLength(1);
    expect(JSON.stringify(both.events)).not.toContain('SECRET');
  });

  it('goes on behind what is there after a cut', async () => {
    const { take, stored } = await begin();
    answer = serve({ upTo: 17 * mebibyte });
    expect(await take()).toMatchObject({
      ok: false,
      error: { code: 'input-url-unreachable', retriable: true },
    });
    answer = serve();
    expect(await take()).toMatchObject({ ok: true, value: { finished: true } });
    expect(asked).toEqual([undefined, `bytes=${16 * mebibyte}-`]);
    expect((await stored()).bytes.equals(content)).toBe(true);
  });

  it('starts over when the file is another one by then', async () => {
    const { take, stored } = await begin();
    answer = serve({ upTo: 9 * mebibyte });
    await take();
    const other = Buffer.from(content.map((byte) => byte ^ 1));
    answer = serve({ etag: '"2"', body: other });
    expect(await take()).toMatchObject({ ok: true, value: { finished: true } });
    expect((await stored()).bytes.equals(other)).toBe(true);
  });

  it('stops when its time is up, also within a block, and goes on behind what came in', async () => {
    const { take, stored } = await begin();
    answer = stall(3 * mebibyte + 7);
    const first = await take(0.5);
    expect(first).toMatchObject({ ok: true, value: { finished: false, total: content.length } });
    const second = await take(0.5);
    expect(second).toMatchObject({ ok: true, value: { finished: false, total: content.length } });
    answer = serve();
    expect(await take()).toMatchObject({ ok: true, value: { finished: true, done: content.length } });
    const [one, two] = [first, second].map((outcome) => (outcome.ok ? outcome.value.done : 0));
    expect(one).toBeGreaterThan(0);
    expect(two).toBeGreaterThan(one!);
    expect(asked).toEqual([undefined, `bytes=${one}-`, `bytes=${two}-`]);
    expect((await stored()).bytes.equals(content)).toBe(true);
  });

  it('takes a file in from a server without ranges or ETags', async () => {
    const { take, stored } = await begin();
    answer = (_request, response) => response.end(content);
    expect(await take(0)).toMatchObject({ ok: true, value: { finished: true, done: content.length } });
    expect((await stored()).bytes.equals(content)).toBe(true);
  });

  it.each([
    [
      '404',
      (_: IncomingMessage, response: ServerResponse) => response.writeHead(404).end(),
      'input-url-failed',
      false,
    ],
    [
      '403',
      (_: IncomingMessage, response: ServerResponse) => response.writeHead(403).end(),
      'input-url-failed',
      false,
    ],
    [
      '503',
      (_: IncomingMessage, response: ServerResponse) => response.writeHead(503).end(),
      'input-url-unreachable',
      true,
    ],
    ['nothing', (_: IncomingMessage, response: ServerResponse) => response.end(), 'input-empty', false],
    [
      'a declared size above the limit',
      (_: IncomingMessage, response: ServerResponse) =>
        response.writeHead(200, { 'content-length': 2 ** 31 }).flushHeaders(),
      'input-too-large',
      false,
    ],
    [
      'more bytes than the limit, undeclared',
      (_: IncomingMessage, response: ServerResponse) => {
        for (let part = 0; part < 5; part += 1) response.write(Buffer.alloc(16 * mebibyte));
        response.end();
      },
      'input-too-large',
      false,
    ],
    [
      'compressed',
      (_: IncomingMessage, response: ServerResponse) =>
        response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
      'input-url-failed',
      false,
    ],
  ] as const)(
    'tells what is wrong when the answer is %s, without the signature',
    async (_case, given, code, retriable) => {
      const { take, stored } = await begin();
      answer = given;
      const outcome = await take();
      expect(outcome).toMatchObject({ ok: false, error: { code, retriable } });
      expect(JSON.stringify(outcome)).not.toContain('SECRET');
      expect((await stored()).names).toEqual([]);
    },
  );

  it('tells a server that cannot be reached from one that refuses', async () => {
    const { run } = await begin();
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    const { assetId } = await both.activities.createAsset({
      run,
      side: 'a',
      purpose: { kind: 'input', requestHash: 'h' },
    });
    const { locatorId } = await both.activities.writeSas({ run, side: 'a', assetId });
    const held = (await both.dependencies.claims.read(run.streamId))!;
    await both.dependencies.claims.replace(held, held, `http://127.0.0.1:${port}/a.mp4`);
    const outcome = await toOutcome(() =>
      both.activities.takeIn({
        run,
        target: { side: 'a', sasLocatorId: locatorId },
        requestHash: 'h',
        budget: 60,
      }),
    );
    expect(outcome).toMatchObject({ ok: false, error: { code: 'input-url-unreachable', retriable: true } });
    // The caller knows the name, and not where it leads to; the log has that.
    expect(outcome.ok ? '' : outcome.error.message).toMatch(/cannot be read: ECONNREFUSED$/);
    expect(both.events).toContainEqual({
      name: 'InputUrlFailed',
      level: 'problem',
      properties: expect.objectContaining({
        streamId: run.streamId,
        reason: `connect ECONNREFUSED 127.0.0.1:${port}`,
      }) as unknown,
    });
  });

  describe('from a server that is slow', () => {
    const usual: TakeInLimits = {
      atOnce: 4,
      headersWithin: 20_000,
      pace: { least: 64 * 1024, window: 20_000 },
      longestWhole: 20_000,
      cancelLooks: 100,
    };
    const limited = (limits: Partial<TakeInLimits>) => takeIn(both.dependencies, { ...usual, ...limits });

    /** Gives something every few milliseconds, for ever. */
    function drip(response: ServerResponse, part: Buffer | string, pause = 20): void {
      const timer = setInterval(() => response.write(part), pause);
      response.on('close', () => clearInterval(timer));
    }

    it('gives up on headers that come byte by byte', async () => {
      const slow = createSocketServer((socket) => {
        socket.on('error', () => undefined).write('HTTP/1.1 200 OK\r\nx-slow: ');
        const timer = setInterval(() => socket.write('x'), 20);
        socket.on('close', () => clearInterval(timer));
      }).listen(0, '127.0.0.1');
      await once(slow, 'listening');
      const { port } = slow.address() as AddressInfo;
      const { take, run } = await begin();
      const held = (await both.dependencies.claims.read(run.streamId))!;
      await both.dependencies.claims.replace(held, held, `http://127.0.0.1:${port}/a.mp4?sig=SECRET`);
      const outcome = await take(60, limited({ headersWithin: 500 }));
      expect(outcome).toMatchObject({ ok: false, error: { code: 'input-url-unreachable', retriable: true } });
      expect(outcome.ok ? '' : outcome.error.message).toMatch(/did not answer within 0.5 seconds/);
      expect(JSON.stringify(outcome)).not.toContain('SECRET');
      await new Promise((resolve) => slow.close(resolve));
    });

    it.each([
      ['says that it does ranges, and does not', () => '"1"'],
      ['has another file every time', () => `"${asked.length}"`],
    ])('does not begin again and again where the server %s', async (_what, etag) => {
      const { take } = await begin();
      answer = (_request, response) => {
        response.writeHead(200, { etag: etag(), 'accept-ranges': 'bytes', 'content-length': 50_000_000 });
        drip(response, Buffer.alloc(64 * 1024));
      };
      const activity = limited({ longestWhole: 1000 });
      let outcome = await take(0.1, activity);
      for (let tries = 1; outcome.ok && tries < 8; tries += 1) outcome = await take(0.1, activity);
      expect(outcome).toMatchObject({ ok: false, error: { code: 'input-url-failed', retriable: false } });
    });

    it('goes on with a file that has changed once', async () => {
      const { take, stored } = await begin();
      answer = stall(3 * mebibyte);
      expect(await take(0.1)).toMatchObject({ ok: true, value: { finished: false } });
      answer = stall(2 * mebibyte, '"2"');
      const done = [];
      for (let round = 0; round < 2; round += 1) {
        const outcome = await take(0.1);
        done.push(outcome.ok ? outcome.value.done : 0);
      }
      expect(done[1]).toBeGreaterThan(done[0]!);
      answer = serve({ etag: '"2"' });
      expect(await take()).toMatchObject({ ok: true, value: { finished: true } });
      expect((await stored()).bytes.equals(content)).toBe(true);
    });

    it('gives up on a body that comes byte by byte', async () => {
      const { take } = await begin();
      answer = (_request, response) => {
        response.writeHead(200, { 'content-length': 50_000_000 });
        drip(response, '.');
      };
      expect(await take(60, limited({ pace: { least: 16 * 1024, window: 500 } }))).toMatchObject({
        ok: false,
        error: {
          code: 'input-url-unreachable',
          retriable: true,
          message: expect.stringMatching(/less than 16 KiB a second/) as string,
        },
      });
    });

    it('does not wait for ever where it could not go on, however much comes', async () => {
      const { take } = await begin();
      answer = (_request, response) => drip(response, Buffer.alloc(64 * 1024));
      expect(await take(0.1, limited({ longestWhole: 700 }))).toMatchObject({
        ok: false,
        error: { code: 'input-url-failed', retriable: false },
      });
    });

    it.each([
      ['a body', (response: ServerResponse) => drip(response, '.')],
      ['headers', () => undefined],
    ])('ends within seconds when it is canceled while it waits for %s', async (_what, give) => {
      const { take, run } = await begin();
      answer = (_request, response) => give(response);
      const taking = take(60, limited({}));
      await vi.waitUntil(() => asked.length > 0, { timeout: 10_000 });
      await both.dependencies.claims.requestCancel(run);
      const begun = performance.now();
      expect(await taking).toMatchObject({ ok: false, error: { code: 'canceled', retriable: false } });
      expect(performance.now() - begun).toBeLessThan(5000);
    });

    it('takes a few in at once, and lets who has waited longest come first', async () => {
      const activity = limited({ atOnce: 2 });
      const [one, two, three, four] = [await begin(), await begin(), await begin(), await begin()];
      answer = stall(1);
      const taking = [one.take(60, activity), two.take(60, activity)];
      await vi.waitUntil(() => asked.length === 2, { timeout: 10_000 });
      const waits = { ok: true, value: { finished: false, done: 0, total: 0, waits: true } };
      expect(await three.take(60, activity)).toEqual(waits);
      expect(await four.take(60, activity)).toEqual(waits);
      answer = serve();
      await both.dependencies.claims.requestCancel(one.run);
      expect(await taking[0]).toMatchObject({ ok: false, error: { code: 'canceled' } });
      // One slot is free: it is the third one's.
      expect(await four.take(60, activity)).toEqual(waits);
      expect(await three.take(60, activity)).toMatchObject({ ok: true, value: { finished: true } });
      expect(await four.take(60, activity)).toMatchObject({ ok: true, value: { finished: true } });
      await both.dependencies.claims.requestCancel(two.run);
      expect(await taking[1]).toMatchObject({ ok: false, error: { code: 'canceled' } });
    });
  });
});
