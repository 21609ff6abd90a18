import { build } from 'esbuild';
import { execFile, execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { createEncoder, type EncoderOptions } from '../../../src/media-service/encoder/encoder.ts';
import { findFfmpeg, type Ffmpeg } from '../../../src/media-service/encoder/find-ffmpeg.ts';
import { createLog } from '../../../src/media-service/log.ts';
import {
  MemoryQueue,
  startTestStorage,
  type Outcome,
  type TestJob,
  type TestStorage,
} from './memory-queue.ts';

const run = promisify(execFile);

/** An encoder at work on a queue over real storage, with a folder for inputs and outputs. */
export interface EncoderKit {
  readonly storage: TestStorage;
  readonly queue: MemoryQueue;
  readonly ffmpeg: Ffmpeg;
  /** The lines of the log, as they are written. */
  readonly log: readonly string[];
  readonly folder: string;
  /** Starts one more encoder on the queue; answers what stops it. */
  start(options?: Partial<EncoderOptions>): () => Promise<void>;
  /** Makes a file with ffmpeg; the arguments stand before its name. */
  make(name: string, ...commandArguments: readonly string[]): Promise<string>;
  /** Encodes a file with the running encoder. */
  encode(file: string, configuration?: string): Promise<Encoded>;
  download(job: TestJob): Promise<Encoded>;
  close(): Promise<void>;
}

export interface Encoded {
  readonly job: TestJob;
  readonly outcome: Outcome;
  /** Names of the committed blobs. */
  readonly names: readonly string[];
  /** The renditions' files, best first. */
  readonly videos: readonly string[];
  readonly audio: string | undefined;
}

export async function systemFfmpeg(): Promise<Ffmpeg> {
  return findFfmpeg({ ffmpegPath: undefined, ffprobePath: undefined, searchPath: process.env['PATH'] });
}

/** The builds inside the npm packages, whatever is on PATH. */
export async function packagedFfmpeg(): Promise<Ffmpeg> {
  return findFfmpeg({ ffmpegPath: undefined, ffprobePath: undefined, searchPath: undefined });
}

export async function startEncoderKit(ffmpeg?: Ffmpeg): Promise<EncoderKit> {
  const found = ffmpeg ?? (await systemFfmpeg());
  const storage = await startTestStorage();
  const queue = new MemoryQueue(storage.service);
  const folder = await mkdtemp(join(tmpdir(), 'encoder-kit-'));
  const log: string[] = [];
  const running: (() => Promise<void>)[] = [];
  const kit: EncoderKit = {
    storage,
    queue,
    ffmpeg: found,
    log,
    folder,
    start(options = {}) {
      const stop = new AbortController();
      const loop = createEncoder({
        queue,
        ffmpeg: found,
        speed: 'ultrafast',
        idleLimit: 50,
        log: createLog('mediaa', { write: (line) => void log.push(line) }),
        ...options,
      }).run(stop.signal);
      const end = async (): Promise<void> => {
        stop.abort();
        await loop;
      };
      running.push(end);
      return end;
    },
    async make(name, ...commandArguments) {
      const file = join(folder, name);
      await run('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...commandArguments, file]);
      return file;
    },
    async encode(file, configuration) {
      const job = await queue.add({
        files: { [basename(file)]: file },
        ...(configuration === undefined ? {} : { configuration }),
      });
      await job.done;
      return kit.download(job);
    },
    async download(job) {
      const outcome = await job.done;
      const target = await mkdtemp(join(folder, 'output-'));
      const names: string[] = [];
      for await (const { name } of job.output.listBlobsFlat()) {
        names.push(name);
        await job.output.getBlobClient(name).downloadToFile(join(target, name));
      }
      const heightOf = (name: string): number => Number(/_\d+x(\d+)_/.exec(name)?.[1]);
      const videos = names.filter((name) => name.endsWith('.cmfv'));
      videos.sort((a, b) => heightOf(b) - heightOf(a));
      const audio = names.find((name) => name.endsWith('.cmfa'));
      return {
        job,
        outcome,
        names,
        videos: videos.map((name) => join(target, name)),
        audio: audio === undefined ? undefined : join(target, audio),
      };
    },
    async close() {
      await Promise.all(running.map((end) => end()));
      await storage.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  await mkdir(folder, { recursive: true });
  return kit;
}

export interface ProbedTrack {
  readonly width: number;
  readonly height: number;
  /** Frames or packets of audio. */
  readonly packets: number;
  /** Seconds. */
  readonly duration: number;
  readonly frameRate: string;
  readonly pixelAspect: string;
  readonly primaries: string | undefined;
  readonly transfer: string | undefined;
  readonly matrix: string | undefined;
  readonly channels: number | undefined;
  readonly rotated: boolean;
}

/** What ffprobe says of one track, after every packet was read. */
export async function probeTrack(file: string): Promise<ProbedTrack> {
  const { stdout } = await run('ffprobe', [
    ...['-v', 'error', '-count_packets', '-show_streams', '-show_format', '-of', 'json', file],
  ]);
  const { streams, format } = JSON.parse(stdout) as {
    streams: Record<string, unknown>[];
    format: { duration: string };
  };
  const stream = streams[0]!;
  return {
    width: Number(stream['width']),
    height: Number(stream['height']),
    packets: Number(stream['nb_read_packets']),
    duration: Number(stream['duration'] ?? format.duration),
    frameRate: String(stream['r_frame_rate']),
    pixelAspect: (stream['sample_aspect_ratio'] as string | undefined) ?? '1:1',
    primaries: stream['color_primaries'] as string | undefined,
    transfer: stream['color_transfer'] as string | undefined,
    matrix: stream['color_space'] as string | undefined,
    channels: stream['channels'] as number | undefined,
    rotated: stream['side_data_list'] !== undefined,
  };
}

/** The different durations of a track's packets, in units of its time scale. */
export async function packetDurations(file: string): Promise<number[]> {
  const { stdout } = await run('ffprobe', [
    ...['-v', 'error', '-show_entries', 'packet=duration', '-of', 'csv=print_section=0', file],
  ]);
  return [...new Set(stdout.trim().split(/\s+/).map(parseFloat))];
}

/** Decodes a file whole; answers what ffmpeg complains of. */
export async function decodeErrors(file: string): Promise<string> {
  const { stderr } = await run('ffmpeg', ['-nostdin', '-v', 'warning', '-i', file, '-f', 'null', '-']);
  return stderr;
}

/** The mean brightness of each frame, 0 to 255. */
export async function brightness(file: string): Promise<number[]> {
  const { stdout } = await run(
    'ffmpeg',
    [
      ...['-nostdin', '-v', 'error', '-i', file, '-fps_mode', 'passthrough'],
      ...['-vf', 'scale=8:8:flags=area,format=gray', '-f', 'rawvideo', '-'],
    ],
    { encoding: 'buffer', maxBuffer: 2 ** 26 },
  );
  return Array.from({ length: stdout.length / 64 }, (_, frame) => {
    const pixels = stdout.subarray(frame * 64, frame * 64 + 64);
    return pixels.reduce((sum, pixel) => sum + pixel, 0) / 64;
  });
}

/** One frame, scaled to `width` x `height`, as RGB bytes. */
export async function framePixels(
  file: string,
  frame: number,
  size: { readonly width: number; readonly height: number },
): Promise<Buffer> {
  const { stdout } = await run(
    'ffmpeg',
    [
      ...['-nostdin', '-v', 'error', '-i', file, '-fps_mode', 'passthrough'],
      ...['-vf', `select=eq(n\\,${frame}),scale=${size.width}:${size.height}:flags=area,format=rgb24`],
      ...['-frames:v', '1', '-f', 'rawvideo', '-'],
    ],
    { encoding: 'buffer', maxBuffer: 2 ** 26 },
  );
  return stdout;
}

/** The audio's samples, mono at 48 kHz, -32768 to 32767. */
export async function sound(file: string): Promise<Int16Array> {
  const { stdout } = await run(
    'ffmpeg',
    ['-nostdin', '-v', 'error', '-i', file, '-ac', '1', '-ar', '48000', '-f', 's16le', '-'],
    { encoding: 'buffer', maxBuffer: 2 ** 26 },
  );
  return Int16Array.from({ length: stdout.length / 2 }, (_, index) => stdout.readInt16LE(index * 2));
}

/** shaka-packager's program for this machine, as the npm package names it; undefined where it has none. */
export function shakaPackager(): string | undefined {
  const names: Record<string, string> = {
    'linux x64': 'packager-linux-x64',
    'linux arm64': 'packager-linux-arm64',
    'darwin x64': 'packager-osx-x64',
    'darwin arm64': 'packager-osx-arm64',
  };
  const name = names[`${process.platform} ${process.arch}`];
  if (name === undefined) return undefined;
  const manifest = createRequire(import.meta.url).resolve('shaka-packager/package.json');
  return join(manifest, '..', 'bin', name);
}

/** Builds encoder-program.ts; answers where it is. */
export async function buildEncoderProgram(): Promise<string> {
  const program = resolve('dist/test/encoder-program.mjs');
  await build({
    entryPoints: [resolve('test/media-service/encoder/encoder-program.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'error',
  });
  return program;
}

/** The ffmpeg processes that a process has started. */
export function ffmpegsOf(parent: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,comm='], { encoding: 'utf8' });
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, ppid, command]) => Number(ppid) === parent && command?.includes('ffmpeg'))
    .map(([pid]) => Number(pid));
}
