import type { ContainerClient } from '@azure/storage-blob';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  buildEncoderProgram,
  ffmpegsOf,
  startEncoderKit,
  type EncoderKit,
} from '../media-service/encoder/encoder-kit.ts';
import type { Outcome } from '../media-service/encoder/memory-queue.ts';

const megabyte = 2 ** 20;
let kit: EncoderKit;
let program: string;

beforeAll(async () => {
  kit = await startEncoderKit();
  program = await buildEncoderProgram();
});
afterAll(() => kit.close());

interface Measured {
  readonly files: readonly { readonly name: string; readonly size: number }[];
  readonly output: ContainerClient;
  readonly seconds: number;
  /** Bytes, of the encoder's own process. */
  readonly encoderPeak: number;
  /** Bytes; 0 where the system does not tell. */
  readonly ffmpegPeak: number;
}

/** Encodes in a process of its own, whose memory is nobody else's. */
async function measure(file: string, preset = 'Adaptive Streaming'): Promise<Measured> {
  const job = await kit.queue.add({ files: { 'long film.mp4': file } });
  const started = Date.now();
  const child = spawn(
    process.execPath,
    [
      ...[program, kit.storage.connectionString, job.input.containerName, job.output.containerName],
      ...['ultrafast', preset],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let ffmpegPeak = 0;
  const sampling = setInterval(() => {
    for (const pid of ffmpegsOf(child.pid!)) {
      readFile(`/proc/${pid}/status`, 'utf8').then(
        (status) => {
          ffmpegPeak = Math.max(ffmpegPeak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024);
        },
        () => undefined,
      );
    }
  }, 1000);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await once(child, 'close');
  clearInterval(sampling);
  const { outcome, peakBytes } = JSON.parse(lines.at(-1)!) as { outcome: Outcome; peakBytes: number };
  if (outcome.state !== 'finished') throw new Error(`The job ended ${JSON.stringify(outcome)}.`);
  const measured = {
    files: outcome.files,
    output: job.output,
    seconds: (Date.now() - started) / 1000,
    encoderPeak: peakBytes,
    ffmpegPeak,
  };
  const total = outcome.files.reduce((sum, { size }) => sum + size, 0);
  console.log(
    `${(total / megabyte).toFixed(0)} MiB in ${measured.seconds.toFixed(0)} s, peak memory of the encoder ` +
      `${(peakBytes / megabyte).toFixed(0)} MiB, of ffmpeg ${(ffmpegPeak / megabyte).toFixed(0)} MiB`,
  );
  return measured;
}

test('a minute of noise at the full bitrate of six renditions, in bounded memory', async () => {
  const file = await kit.make(
    'noise.mp4',
    ...['-f', 'lavfi', '-i', 'nullsrc=size=1920x1080:rate=30:duration=60'],
    ...[
      '-vf',
      'noise=alls=60:allf=t,format=yuv420p',
      '-c:v',
      'libx264',
      '-preset',
      'ultrafast',
      '-b:v',
      '20M',
    ],
  );
  const { files, encoderPeak } = await measure(file);
  expect(files).toHaveLength(7);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  expect(total).toBeGreaterThan(90 * megabyte);
  expect(encoderPeak).toBeLessThan(300 * megabyte);
});

test('two hours in six renditions: every index has 3,600 fragments', async () => {
  const bitrates = [200, 150, 115, 90, 70, 55];
  const layers = bitrates.map((kbps, index) => ({
    Width: 320 - 32 * index,
    Height: 180 - 18 * index,
    Bitrate: kbps,
  }));
  const file = await kit.make(
    'two hours.mp4',
    ...['-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=10:duration=7200'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=300:duration=7200'],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-b:v', '250k', '-pix_fmt', 'yuv420p', '-c:a', 'aac'],
  );
  const preset = { Codecs: [{ Type: 'H264Video', H264Layers: layers }] };
  const { files, output, encoderPeak } = await measure(file, JSON.stringify(preset));
  const renditions = files.filter(({ name }) => name.endsWith('.cmfv'));
  expect(renditions).toHaveLength(6);
  for (const { name } of renditions) {
    const start = await output.getBlobClient(name).downloadToBuffer(0, 4096);
    // The reference count is the last field before the references (ISO/IEC 14496-12, 8.16.3.2).
    expect(start.readUInt16BE(start.indexOf('sidx') + 4 + 4 + 4 + 4 + 8 + 8 + 2)).toBe(3600);
  }
  expect(encoderPeak).toBeLessThan(300 * megabyte);
});
