import { MalformedMediaError } from '../boxes/malformed-media.ts';
import type { Log } from '../log.ts';
import { announcedBitrate, apart } from './announced-bitrates.ts';
import { readCmafTrack } from './cmaf-track.ts';
import { checkDurations, checkEnd } from './encode-outcome.ts';
import { encodeArguments, type EncodePlan } from './encode-command.ts';
import { EncodeError, finalError, retriableError } from './encode-error.ts';
import type { EncodedFile, LeasedJob } from './encoding-queue.ts';
import { readProgress, startProcess } from './ffmpeg-process.ts';
import type { Ffmpeg } from './find-ffmpeg.ts';
import { chooseInput, type InputFile } from './input-choice.ts';
import { startInputRelay, type InputRelay } from './input-relay.ts';
import { planRenditions } from './ladder.ts';
import { audioName, baseName, manifestName, videoName } from './output-names.ts';
import { readPreset } from './presets.ts';
import { checkStatedLength, implausibleLength, longestPlausible } from './plausible-length.ts';
import { probe } from './probe.ts';
import {
  mostReferences,
  withoutShortSegments,
  writeSegmentIndex,
  type IndexedFragment,
} from './segment-index.ts';
import { writeServerManifest, type ManifestTrack } from './server-manifest.ts';
import { withSilence } from './silence.ts';
import { readSourceMedia, type SourceMedia } from './source-media.ts';
import type { TrackFragment, TrackHeader } from './track-part.ts';
import { TrackUpload } from './track-upload.ts';
import { checkWhole } from './whole-file.ts';

export interface EncodeOptions {
  readonly ffmpeg: Ffmpeg;
  /** libx264's preset. */
  readonly speed: string;
  /** Milliseconds without progress after which ffmpeg counts as hung. */
  readonly stallLimit: number;
  readonly log: Log;
}

/** Of 100 percent: encoding, the rest is reading the result back. */
const encodingShare = 95;

/** A file in the making, and its line in the manifest. */
interface Track {
  readonly manifest: ManifestTrack;
  readonly upload: TrackUpload;
}

/**
 * Encodes one job: chooses and probes the input, plans the renditions, runs ffmpeg, and commits what it made, the
 * manifest last. Nothing can be seen in the output asset before all of it is whole.
 * @param signal stops everything at once; the reason is thrown
 * @throws EncodeError
 */
export async function encodeJob(
  job: LeasedJob,
  options: EncodeOptions,
  signal: AbortSignal,
): Promise<readonly EncodedFile[]> {
  const preset = readPreset(job.configuration);
  const input = await chooseInput(job, signal);
  await checkWhole(input, signal);
  const relay = await startInputRelay(input, signal);
  try {
    const stop = AbortSignal.any([signal, relay.failed]);
    const source = { url: relay.url, name: input.name };
    const media = readSourceMedia(await probe(options.ffmpeg.ffprobe, source, stop), input.name);
    checkStatedLength(input, media);
    const renditions = planRenditions(preset, media.video);
    const plan: EncodePlan = {
      renditions,
      audio: media.audio === undefined ? undefined : { kbps: preset.audioKbps },
    };
    options.log.info({ jobId: job.jobId, input: input.name, media, plan }, 'encoding');
    if (media.video.highDynamicRange !== undefined && !options.ffmpeg.toneMapping) {
      options.log.warn(
        { jobId: job.jobId },
        'this ffmpeg cannot map a high dynamic range: colours will be flat',
      );
    }
    if (media.audio !== undefined && media.audio.leftOut > 0) {
      const { leftOut, language } = media.audio;
      options.log.warn({ jobId: job.jobId, leftOut, language }, 'only one sound track is encoded');
    }
    const tracks = await encodeTracks(job, { relay, input, media, plan }, options, signal);
    return await publish(job, input.name, tracks, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw relay.failed.aborted ? relay.failed.reason : error;
  } finally {
    await relay.close();
  }
}

interface Work {
  readonly relay: InputRelay;
  readonly input: InputFile;
  readonly media: SourceMedia;
  readonly plan: EncodePlan;
}

/** Runs ffmpeg and stages every track; returns when all are staged whole. */
async function encodeTracks(
  job: LeasedJob,
  { relay, input, media, plan }: Work,
  options: EncodeOptions,
  signal: AbortSignal,
): Promise<readonly Track[]> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, relay.failed, failed.signal]);
  const { name } = input;
  const base = baseName(name);
  const upload = (manifest: ManifestTrack): Track => ({
    manifest,
    upload: new TrackUpload(job.output, manifest.src, `${manifest.kind}/mp4`, stop),
  });
  const tracks = [
    ...plan.renditions.map((rendition) =>
      upload({ kind: 'video', src: videoName(base, rendition), bitrate: rendition.kbps * 1000 }),
    ),
    ...(plan.audio === undefined
      ? []
      : [
          upload({
            kind: 'audio',
            src: audioName(base, plan.audio),
            bitrate: plan.audio.kbps * 1000,
            language: media.audio?.language ?? 'und',
          }),
        ]),
  ];

  const running = startProcess(
    options.ffmpeg.ffmpeg,
    encodeArguments(relay.url, media, plan, {
      speed: options.speed,
      toneMapping: options.ffmpeg.toneMapping,
    }),
    { pipes: tracks.length + 1, hide: relay.url, signal: stop },
  );
  const hung = (): void =>
    failed.abort(
      retriableError('ErrorProcessingTask', `ffmpeg made no progress on '${name}' and was ended.`),
    );
  let watchdog = setTimeout(hung, options.stallLimit);
  let reached = 0;
  const progress = running.pipes[tracks.length];
  if (progress !== undefined) {
    readProgress(progress, (seconds) => {
      if (seconds <= reached) return;
      reached = seconds;
      clearTimeout(watchdog);
      watchdog = setTimeout(hung, options.stallLimit);
      if (media.duration !== undefined) {
        job.progress(Math.min(1, seconds / media.duration) * encodingShare);
      }
    });
  }
  const frameDuration = media.video.frameRate.denominator / media.video.frameRate.numerator;
  const longest = longestPlausible(input, media);
  const checkLength = (seconds: number): void => {
    if (seconds > longest) throw implausibleLength(input);
  };
  const pictureEnd = async (): Promise<number> => {
    const pictures = await Promise.all(staged.slice(0, plan.renditions.length));
    return Math.min(...pictures.map(({ seconds }) => seconds));
  };
  const staged = tracks.map(async ({ manifest, upload: target }, index): Promise<StagedTrack> => {
    const pipe = running.pipes[index];
    if (pipe === undefined) throw new MalformedMediaError('There is no pipe for the track.');
    const track = readCmafTrack(pipe, frameDuration);
    try {
      const parts = manifest.kind === 'audio' ? withSilence(track, pictureEnd) : track;
      return await stageTrack(parts, { manifest, upload: target }, checkLength);
    } catch (error) {
      pipe.destroy();
      // Broken boxes are what a failed ffmpeg leaves: its own end tells why. Anything else is the cause.
      if (!(error instanceof MalformedMediaError)) failed.abort(error);
      throw error;
    }
  });
  try {
    const [end, results] = await Promise.all([running.ended, Promise.allSettled(staged)]);
    signal.throwIfAborted();
    if (relay.failed.aborted) throw relay.failed.reason as Error;
    if (failed.signal.aborted) throw asEncodeError(failed.signal.reason);
    checkEnd(end, name, options.log);
    const whole = results.map((result) => {
      if (result.status === 'fulfilled') return result.value;
      throw retriableError('ErrorProcessingTask', `ffmpeg wrote a broken track of '${name}'.`, result.reason);
    });
    const pictures = whole.slice(0, plan.renditions.length);
    checkDurations(
      pictures.map(({ seconds }) => seconds),
      media,
      name,
    );
    const bitrates = [...apart(pictures.map(({ bitrate }) => bitrate)), whole[pictures.length]?.bitrate];
    return tracks
      .map(({ manifest, upload: of }, index) => ({
        manifest: { ...manifest, bitrate: bitrates[index] ?? manifest.bitrate },
        upload: of,
      }))
      .filter((_, index) => (whole[index]?.seconds ?? 0) > 0);
  } finally {
    clearTimeout(watchdog);
  }
}

/** What became of a track: 0 seconds when nothing came. */
interface StagedTrack {
  readonly seconds: number;
  /** Bits a second, to be announced. */
  readonly bitrate: number;
}

/**
 * Stages one track as it comes.
 * @param checkLength is told the seconds there are, and throws when they are too many
 */
async function stageTrack(
  parts: AsyncIterable<TrackHeader | TrackFragment>,
  { manifest, upload }: Track,
  checkLength: (seconds: number) => void,
): Promise<StagedTrack> {
  const index: IndexedFragment[] = [];
  let header: Buffer | undefined;
  let timescale = 1;
  let end = 0;
  for await (const part of parts) {
    if (part.kind === 'header') {
      header = part.bytes;
      timescale = part.timescale;
      continue;
    }
    if (index.length === mostReferences) {
      throw finalError('ErrorExecutingTaskUnsupportedFormat', 'The video is longer than 36 hours. Split it.');
    }
    index.push({ size: part.bytes.reduce((sum, { length }) => sum + length, 0), duration: part.duration });
    end = part.start + part.duration;
    checkLength(end / timescale);
    await upload.append(part.bytes);
  }
  if (header === undefined || index.length === 0) return { seconds: 0, bitrate: manifest.bitrate };
  const segments = withoutShortSegments(timescale, index);
  await upload.finish([header, writeSegmentIndex(timescale, segments)]);
  return {
    seconds: end / timescale,
    bitrate: announcedBitrate(manifest.bitrate, segments, timescale),
  };
}

/** What went wrong while tracks were staged. */
function asEncodeError(error: unknown): EncodeError {
  if (error instanceof EncodeError) return error;
  return retriableError('ErrorUploadingOutputAsset', 'The output could not be written to storage.', error);
}

/**
 * Commits the tracks, gives each its MD5, and writes the manifest last. A cancel in the middle takes back what is
 * committed by then; in every other case the next attempt overwrites it.
 */
async function publish(
  job: LeasedJob,
  name: string,
  tracks: readonly Track[],
  signal: AbortSignal,
): Promise<readonly EncodedFile[]> {
  const manifest = new TrackUpload(job.output, manifestName(baseName(name)), 'application/smil+xml', signal);
  const uploads = [...tracks.map(({ upload }) => upload), manifest];
  const total = tracks.reduce((sum, { upload }) => sum + upload.size, 0);
  let sealed = 0;
  const onBytes = (bytes: number): void => {
    sealed += bytes;
    job.progress(encodingShare + Math.min(1, sealed / total) * (100 - encodingShare));
  };
  try {
    for (const { upload } of tracks) await upload.commit();
    const files: EncodedFile[] = [];
    for (const { upload } of tracks) files.push(await upload.seal(onBytes));
    await manifest.finish([writeServerManifest(tracks.map((track) => track.manifest))]);
    await manifest.commit();
    return [...files, await manifest.seal(onBytes)];
  } catch (error) {
    if (job.cancelRequested.aborted && !job.lost.aborted) {
      for (const upload of uploads) await upload.remove();
    }
    signal.throwIfAborted();
    throw asEncodeError(error);
  }
}
