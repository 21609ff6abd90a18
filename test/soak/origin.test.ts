/** A streaming endpoint under many viewers who come, seek, leave and dawdle, with caches much smaller than what they watch. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Azurite } from '../../src/local/azurite.ts';
import { segmentCount, segmentTime } from '../../src/media-service/packager/segment-index.ts';
import { readStoredTrack } from '../../src/media-service/packager/stored-track.ts';
import { publishFiles } from '../media-service/origin/publish.ts';
import { makeStored, reader, syntheticVideo } from '../media-service/packager/synthetic.ts';
import { startAzuriteIn } from '../media-service/running-service.ts';
import { seeded } from '../seeded.ts';

const viewers = 100;
const requestsEach = 200;
const fragmentCacheBytes = 16 * 2 ** 20;
const client = { clientId: 'soak', clientSecret: 'soak' };

let azurite: Azurite;
let service: ReturnType<typeof spawn>;
let base: string;
let track: Buffer;

beforeAll(async () => {
  azurite = await startAzuriteIn(['soak']);
  const account = azurite.account('soak');
  service = spawn(process.execPath, ['dist/media-service/main.mjs'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...process.env,
      MEDIA_SERVICE_ROLES: 'api',
      MEDIA_SERVICE_ACCOUNT: 'soak',
      MEDIA_SERVICE_CLIENT_ID: client.clientId,
      MEDIA_SERVICE_CLIENT_SECRET: client.clientSecret,
      STORAGE_CONNECTION_STRING: account.connectionString,
      INDEX_CACHE_BYTES: String(2 ** 20),
      FRAGMENT_CACHE_BYTES: String(fragmentCacheBytes),
    },
  });
  const [line] = (await once(createInterface(service.stdout!), 'line')) as [string];
  const { listening } = JSON.parse(line) as { listening: string };
  const segment = Array.from({ length: 60 }, () => ({ duration: 3000, size: 8000 }));
  track = makeStored({ ...syntheticVideo(6), segments: Array.from({ length: 150 }, () => segment) });
  const locator = await publishFiles(
    { url: listening, ...client, account },
    new Map([
      ['soak.cmfv', track],
      [
        'soak.ism',
        Buffer.from(
          '<smil><body><switch><video src="soak.cmfv" systemBitrate="2000000"/></switch></body></smil>',
        ),
      ],
    ]),
  );
  base = `${listening}/${locator}/soak.ism`;
});
afterAll(async () => {
  service.kill('SIGTERM');
  await once(service, 'exit');
  await azurite.close();
});

const resident = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid!}/status`, 'utf8'))?.[1]) / 1024;

it('gives every viewer right bytes and holds no more memory than its caches', async () => {
  const { index } = await readStoredTrack(reader(track), track.length);
  const before = resident();
  const sum = { whole: 0, ranged: 0, left: 0, smooth: 0 };
  let highest = before;
  const view = async (seed: number): Promise<void> => {
    const random = seeded(seed);
    for (let request = 0; request < requestsEach; request += 1) {
      const segment = Math.floor(random() * segmentCount(index));
      const stored = track.subarray(index.offsets[segment], index.offsets[segment + 1]);
      const call = `${base}/QualityLevels(2000000)/Fragments(video=${segmentTime(index, segment)}`;
      const kind = (['whole', 'ranged', 'left', 'smooth'] as const)[Math.floor(random() * 4)]!;
      const first = Math.floor(random() * stored.length);
      const sent = httpRequest(kind === 'smooth' ? `${call})` : `${call},format=mpd-time-cmaf)`, {
        headers: kind === 'ranged' ? { Range: `bytes=${first}-` } : {},
        agent: false,
      });
      sent.on('error', () => undefined);
      sent.end();
      if (kind === 'left' && random() < 0.3) {
        await new Promise((resolve) => setTimeout(resolve, random() * 20));
        sent.destroy();
        sum.left += 1;
        continue;
      }
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      expect(response.statusCode).toBe(kind === 'ranged' ? 206 : 200);
      const pieces: Buffer[] = [];
      for await (const piece of response) {
        pieces.push(piece as Buffer);
        if (kind === 'left') break;
      }
      sum[kind] += 1;
      if (kind === 'left') continue;
      const body = Buffer.concat(pieces);
      const expected = kind === 'ranged' ? stored.subarray(first) : stored;
      // A Smooth fragment has a head of its own before the same media.
      const compared = kind === 'smooth' ? 60 * 8000 : expected.length;
      expect(body.subarray(-compared).equals(expected.subarray(-compared)), `${kind} ${segment}`).toBe(true);
      highest = Math.max(highest, resident());
    }
  };
  await Promise.all(Array.from({ length: viewers }, (_, viewer) => view(viewer)));
  console.log(
    `origin: ${JSON.stringify(sum)}, resident ${before.toFixed(0)} MiB before, ${highest.toFixed(0)} MiB at most`,
  );
  expect(sum.whole + sum.ranged + sum.smooth).toBeGreaterThan((viewers * requestsEach) / 2);
  // The caches, what is being read (16 MiB), what is on its way to 100 viewers, and the collector's leisure.
  expect(highest - before).toBeLessThan(300);
});
