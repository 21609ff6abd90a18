import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { toOutcome } from '../../src/activities/activities.ts';
import type { TakenIn } from '../../src/activities/take-in.ts';
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

  async function begin(path = '/film%20one.mp4?sig=SECRET'): Promise<{
    take: (budget?: number) => Promise<Outcome<TakenIn>>;
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
      take: (budget = 60) =>
        toOutcome(() => both.activities.takeIn({ run, target, requestHash: 'h', budget })),
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

  it('stops when its time is up, and goes on in the next execution', async () => {
    const { take, stored } = await begin();
    const first = await take(0);
    expect(first).toMatchObject({ ok: true, value: { finished: false, total: content.length } });
    let rounds = 1;
    for (let outcome = first; outcome.ok && !outcome.value.finished; rounds += 1) outcome = await take(0);
    expect(rounds).toBeGreaterThan(1);
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
  });
});
