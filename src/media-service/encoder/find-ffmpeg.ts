import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../message-of.ts';

/** The programs that encode and probe. */
export interface Ffmpeg {
  readonly ffmpeg: string;
  readonly ffprobe: string;
  /** Where they were found, for the log. */
  readonly ffmpegFrom: FoundIn;
  readonly ffprobeFrom: FoundIn;
  /** The first line that `ffmpeg -version` prints. */
  readonly version: string;
  /** High dynamic range can be brought to an ordinary picture (filters zscale and tonemap). */
  readonly toneMapping: boolean;
}

export type FoundIn = 'setting' | 'PATH' | 'npm package';

export interface FfmpegSettings {
  /** FFMPEG_PATH. */
  readonly ffmpegPath: string | undefined;
  /** FFPROBE_PATH. */
  readonly ffprobePath: string | undefined;
  /** PATH. */
  readonly searchPath: string | undefined;
}

/** There is no ffmpeg that can be used; the message says where it was looked for. */
export class FfmpegNotFoundError extends Error {
  override readonly name = 'FfmpegNotFoundError';
  readonly code = 'ffmpeg-not-found';
}

const run = promisify(execFile);
const neededEncoders = ['libx264', 'aac'];

/**
 * Finds ffmpeg and ffprobe, each in its setting, then on PATH, then in the npm packages `@ffmpeg-installer/ffmpeg` and
 * `@ffprobe-installer/ffprobe`. What a setting names must work; elsewhere a program that does not run, or cannot make
 * H.264 and AAC, is passed over.
 * @throws FfmpegNotFoundError
 */
export async function findFfmpeg(settings: FfmpegSettings): Promise<Ffmpeg> {
  const encoder = await find('ffmpeg', settings.ffmpegPath, settings.searchPath, checkEncoders);
  const prober = await find('ffprobe', settings.ffprobePath, settings.searchPath, checkRuns);
  const { stdout: filters } = await run(encoder.path, ['-hide_banner', '-v', 'error', '-filters']);
  return {
    ffmpeg: encoder.path,
    ffprobe: prober.path,
    ffmpegFrom: encoder.from,
    ffprobeFrom: prober.from,
    version: encoder.version,
    toneMapping: /\szscale\s/.test(filters) && /\stonemap\s/.test(filters),
  };
}

interface Found {
  readonly path: string;
  readonly from: FoundIn;
  readonly version: string;
}

/** Answers the version; throws when the program is of no use. */
type Check = (path: string) => Promise<string>;

async function find(
  program: 'ffmpeg' | 'ffprobe',
  setting: string | undefined,
  searchPath: string | undefined,
  check: Check,
): Promise<Found> {
  const refused: string[] = [];
  const candidates: { path: string; from: FoundIn }[] =
    setting !== undefined
      ? [{ path: setting, from: 'setting' }]
      : [
          ...(await onPath(program, searchPath)).map((path) => ({ path, from: 'PATH' as const })),
          ...inPackage(program).map((path) => ({ path, from: 'npm package' as const })),
        ];
  for (const candidate of candidates) {
    try {
      return { ...candidate, version: await check(candidate.path) };
    } catch (error) {
      const [reason] = messageOf(error).split('\n');
      refused.push(`${candidate.path}: ${reason}`);
    }
  }
  const hint = `Install ${program}, or name it in ${program.toUpperCase()}_PATH.`;
  throw new FfmpegNotFoundError(`No ${program} that can be used was found. ${[...refused, hint].join(' ')}`);
}

async function onPath(program: string, searchPath: string | undefined): Promise<string[]> {
  const file = process.platform === 'win32' ? `${program}.exe` : program;
  const paths = (searchPath ?? '').split(delimiter).filter((folder) => folder !== '');
  const found: string[] = [];
  for (const path of paths.map((folder) => join(folder, file))) {
    const usable = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) found.push(path);
  }
  return found;
}

function inPackage(program: string): string[] {
  try {
    const { path } = createRequire(import.meta.url)(`@${program}-installer/${program}`) as { path: string };
    return [path];
  } catch {
    return []; // Not installed: they are no dependencies of what is deployed.
  }
}

const checkRuns: Check = async (path) => {
  const { stdout } = await run(path, ['-hide_banner', '-version'], { timeout: 20_000 });
  return stdout.split('\n')[0]?.trim() ?? '';
};

const checkEncoders: Check = async (path) => {
  const version = await checkRuns(path);
  const { stdout } = await run(path, ['-hide_banner', '-v', 'error', '-encoders'], { timeout: 20_000 });
  const missing = neededEncoders.filter((encoder) => !new RegExp(`\\s${encoder}\\s`).test(stdout));
  if (missing.length > 0) throw new Error(`it has no encoder ${missing.join(' and ')}.`);
  return version;
};
