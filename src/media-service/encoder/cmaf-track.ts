import { MalformedBoxError, boxHeader, boxesIn, find, need, uint32, writeBox, type Box } from './boxes.ts';
import { ByteReader } from './byte-reader.ts';
import {
  durationOf,
  earliestPresentationTime,
  isSync,
  readMovieFragment,
  readSampleDefaults,
  writeMovieFragment,
  type MovieFragment,
  type SampleDefaults,
} from './movie-fragment.ts';

/** The start of a track's file: `ftyp` and `moov`. */
export interface TrackHeader {
  readonly kind: 'header';
  /** Units a second. */
  readonly timescale: number;
  readonly bytes: Buffer;
}

/** One CMAF chunk that starts with a sync sample: `moof` and `mdat`. Times in the track's timescale. */
export interface TrackFragment {
  readonly kind: 'fragment';
  readonly start: number;
  readonly duration: number;
  readonly bytes: readonly Buffer[];
}

/** A fragment is some two seconds of one rendition; what is larger than this is no fragment of ours. */
const largestFragment = 256 * 2 ** 20;

/**
 * Reads the fragmented MP4 with one track that ffmpeg writes into a pipe, and yields it as a CMAF track (ISO/IEC
 * 23000-19): first the header, then the fragments, each when it is whole. Whatever the version of ffmpeg, what comes
 * out has the brand `cmfc`, no edit list, and starts at 0:
 * - composition offsets are lowered by the encoder's delay (they may become negative: `trun` version 1), so that
 *   presentation starts where decoding does;
 * - the encoder's priming, which ffmpeg hides in an edit list that players heed differently, is dropped: whole samples
 *   at the start of the audio, before its time 0.
 * @param frameDuration seconds: the duration of a sample that ffmpeg gave none (the only frame of a track)
 * @throws MalformedBoxError when the bytes end inside a box or are no such track
 */
export async function* readCmafTrack(
  source: AsyncIterable<Buffer>,
  frameDuration: number,
): AsyncGenerator<TrackHeader | TrackFragment> {
  const reader = new ByteReader(source);
  let header: ParsedHeader | undefined;
  let shift: Shift | undefined;
  let moof: Buffer | undefined;
  let sequence = 0;
  for (let box = await nextBox(reader); box !== undefined; box = await nextBox(reader)) {
    if (box.type === 'moov') {
      header = readHeader(box.body);
      yield { kind: 'header', timescale: header.timescale, bytes: header.bytes };
    } else if (box.type === 'moof') {
      moof = box.body;
    } else if (box.type === 'mdat') {
      if (header === undefined || moof === undefined) {
        throw new MalformedBoxError('Media data came before its header.');
      }
      const read = withDurations(
        readMovieFragment(moof, header.defaults),
        Math.round(frameDuration * header.timescale),
      );
      shift ??= {
        priming: header.priming,
        dropped: 0,
        delay: earliestPresentationTime(read) - read.decodeTime,
      };
      const trimmed = trim(read, shift);
      const fragment = trimmed.fragment;
      if (fragment.samples.length === 0) continue;
      const [first] = fragment.samples;
      if (first === undefined || !isSync(first)) {
        throw new MalformedBoxError('A fragment does not start with a key frame.');
      }
      const data = box.body.subarray(trimmed.droppedBytes);
      yield {
        kind: 'fragment',
        start: fragment.decodeTime,
        duration: durationOf(fragment),
        bytes: [writeMovieFragment(++sequence, fragment), uint32(data.length + 8), Buffer.from('mdat'), data],
      };
    }
  }
}

interface ParsedHeader {
  readonly timescale: number;
  /** Audio samples' duration before the presentation starts, in the track's timescale. */
  readonly priming: number;
  readonly defaults: SampleDefaults;
  readonly bytes: Buffer;
}

function readHeader(moov: Buffer): ParsedHeader {
  const mdhd = need(moov, 'trak', 'mdia', 'mdhd');
  const handler = need(moov, 'trak', 'mdia', 'hdlr').toString('latin1', 8, 12);
  const edits = find(moov, 'trak', 'edts', 'elst');
  return {
    timescale: mdhd.readUInt32BE(mdhd[0] === 1 ? 20 : 12),
    priming: handler === 'soun' && edits !== undefined ? mediaTime(edits) : 0,
    defaults: readSampleDefaults(moov),
    bytes: Buffer.concat([
      writeBox('ftyp', Buffer.from('cmfc'), uint32(0), Buffer.from('cmfciso6mp41')),
      writeBox('moov', ...[...boxesIn(moov)].flatMap(withoutEdits)),
    ]),
  };
}

/** The media time at which the only edit that is not empty starts (ISO/IEC 14496-12, 8.6.6). */
function mediaTime(elst: Buffer): number {
  const wide = elst[0] === 1;
  for (let entry = 0, offset = 8; entry < elst.readUInt32BE(4); entry++, offset += wide ? 20 : 12) {
    const time = wide ? Number(elst.readBigInt64BE(offset + 8)) : elst.readInt32BE(offset + 4);
    if (time >= 0) return time;
  }
  return 0;
}

/** ffmpeg's own name (`udta`) goes too: it differs from one build to the next. */
function withoutEdits({ type, body }: Box): Buffer[] {
  if (type === 'udta' || type === 'edts') return [];
  return [writeBox(type, ...(type === 'trak' ? [...boxesIn(body)].flatMap(withoutEdits) : [body]))];
}

/** How a track is moved to start at 0; `dropped` grows while the priming is cut away. */
interface Shift {
  readonly priming: number;
  dropped: number;
  readonly delay: number;
}

function trim(
  { decodeTime, samples }: MovieFragment,
  shift: Shift,
): { readonly fragment: MovieFragment; readonly droppedBytes: number } {
  const kept = [...samples];
  let droppedBytes = 0;
  let start = decodeTime;
  while (kept[0] !== undefined && shift.dropped + kept[0].duration <= shift.priming) {
    shift.dropped += kept[0].duration;
    start += kept[0].duration;
    droppedBytes += kept[0].size;
    kept.shift();
  }
  return {
    droppedBytes,
    fragment: {
      decodeTime: start - shift.dropped,
      samples: kept.map((sample) => ({
        ...sample,
        compositionOffset: sample.compositionOffset - shift.delay,
      })),
    },
  };
}

function withDurations({ decodeTime, samples }: MovieFragment, fallback: number): MovieFragment {
  return {
    decodeTime,
    samples: samples.map((sample) => (sample.duration > 0 ? sample : { ...sample, duration: fallback })),
  };
}

async function nextBox(reader: ByteReader): Promise<Box | undefined> {
  const start = await reader.read(8);
  if (start === undefined) return undefined;
  const wide = start.readUInt32BE(0) === 1 ? await reader.need(8) : Buffer.alloc(0);
  const { type, size, headerSize } = boxHeader(Buffer.concat([start, wide]));
  if (size < headerSize || size > largestFragment) {
    throw new MalformedBoxError(`ffmpeg wrote a box '${type}' of ${size} bytes.`);
  }
  return { type, body: await reader.need(size - headerSize) };
}
