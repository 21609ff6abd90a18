import { boxesIn, boxHeader, makeBox, uint32, type Box } from '../boxes/boxes.ts';
import {
  durationOf,
  isSync,
  presentationStart,
  readFragment,
  type Fragment,
  type SampleDefaults,
} from '../boxes/fragment.ts';
import { MalformedMediaError } from '../boxes/malformed-media.ts';
import { readTrackHeader } from '../boxes/track-header.ts';
import { writeFragment } from '../boxes/write-fragment.ts';
import { ByteReader } from './byte-reader.ts';
import { silentFragments } from './silence.ts';
import type { TrackFragment, TrackHeader } from './track-part.ts';

/** A fragment is some two seconds of one rendition; what is larger than this is no fragment of ours. */
const largestFragment = 256 * 2 ** 20;

/**
 * Reads the fragmented MP4 with one track that ffmpeg writes into a pipe, and yields it as a CMAF track (ISO/IEC
 * 23000-19): first the header, then the fragments, each when it is whole. Whatever the version of ffmpeg, what comes
 * out has the brand `cmfc`, no edit list, and starts at 0:
 * - composition offsets are lowered by the encoder's delay (they may become negative: `trun` version 1), so that
 *   presentation starts where decoding does;
 * - the encoder's priming, which ffmpeg hides in an edit list that players heed differently, is dropped: whole samples
 *   at the start of the audio, before its time 0;
 * - sound that starts late, which ffmpeg puts there, too, begins with silence.
 * @param frameDuration seconds: the duration of a sample that ffmpeg gave none (the only frame of a track)
 * @throws MalformedMediaError when the bytes end inside a box or are no such track
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
  let late = 0;
  for (let box = await nextBox(reader); box !== undefined; box = await nextBox(reader)) {
    if (box.type === 'moov') {
      header = readHeader(box.body);
      yield { kind: 'header', timescale: header.timescale, bytes: header.bytes };
      for (const fragment of silentFragments(1, 0, header.late)) {
        sequence += 1;
        late = fragment.start + fragment.duration;
        yield fragment;
      }
    } else if (box.type === 'moof') {
      moof = box.body;
    } else if (box.type === 'mdat') {
      if (header === undefined || moof === undefined) {
        throw new MalformedMediaError('Media data came before its header.');
      }
      const read = withDurations(
        readFragment({ start: 0, body: moof }, header.defaults),
        Math.round(frameDuration * header.timescale),
      );
      if (read.samples.length === 0) throw new MalformedMediaError('A fragment has no samples.');
      shift ??= {
        priming: header.priming,
        dropped: 0,
        delay: presentationStart(read) - read.decodeTime,
      };
      const trimmed = trim(read, shift);
      const fragment = trimmed.fragment;
      if (fragment.samples.length === 0) continue;
      const [first] = fragment.samples;
      if (first === undefined || !isSync(first)) {
        throw new MalformedMediaError('A fragment does not start with a key frame.');
      }
      const data = box.body.subarray(trimmed.droppedBytes);
      yield {
        kind: 'fragment',
        start: late + fragment.decodeTime,
        duration: durationOf(fragment),
        bytes: [
          writeFragment({ ...fragment, decodeTime: late + fragment.decodeTime, sequenceNumber: ++sequence }),
          uint32(data.length + 8),
          Buffer.from('mdat'),
          data,
        ],
      };
    }
  }
}

interface ParsedHeader {
  readonly timescale: number;
  /** Audio samples' duration before the presentation starts, in the track's timescale. */
  readonly priming: number;
  /** How long the presentation goes on before the audio starts, in the track's timescale. */
  readonly late: number;
  readonly defaults: SampleDefaults;
  readonly bytes: Buffer;
}

function readHeader(moov: Buffer): ParsedHeader {
  const { timescale, handler, presentationStart: start, defaults } = readTrackHeader(moov);
  return {
    timescale,
    priming: handler === 'soun' ? Math.max(0, start) : 0,
    late: handler === 'soun' ? Math.max(0, -start) : 0,
    defaults,
    bytes: Buffer.concat([
      makeBox('ftyp', Buffer.from('cmfc'), uint32(0), Buffer.from('cmfciso6mp41')),
      makeBox('moov', ...[...boxesIn(moov)].flatMap(withoutEdits)),
    ]),
  };
}

/** ffmpeg's own name (`udta`) goes too: it differs from one build to the next. */
function withoutEdits({ type, body }: Box): Buffer[] {
  if (type === 'udta' || type === 'edts') return [];
  return [makeBox(type, ...(type === 'trak' ? [...boxesIn(body)].flatMap(withoutEdits) : [body]))];
}

/** How a track is moved to start at 0; `dropped` grows while the priming is cut away. */
interface Shift {
  readonly priming: number;
  dropped: number;
  readonly delay: number;
}

function trim(
  { sequenceNumber, decodeTime, samples }: Fragment,
  shift: Shift,
): { readonly fragment: Fragment; readonly droppedBytes: number } {
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
      sequenceNumber,
      decodeTime: start - shift.dropped,
      samples: kept.map((sample) => ({
        ...sample,
        compositionOffset: sample.compositionOffset - shift.delay,
      })),
    },
  };
}

function withDurations({ samples, ...rest }: Fragment, fallback: number): Fragment {
  return {
    ...rest,
    samples: samples.map((sample) => (sample.duration > 0 ? sample : { ...sample, duration: fallback })),
  };
}

async function nextBox(reader: ByteReader): Promise<Pick<Box, 'type' | 'body'> | undefined> {
  const start = await reader.read(8);
  if (start === undefined) return undefined;
  const wide = start.readUInt32BE(0) === 1 ? await reader.need(8) : Buffer.alloc(0);
  const header = boxHeader(Buffer.concat([start, wide]), 0);
  if (header === undefined) throw new MalformedMediaError('A box header is cut off.');
  const { type, size, headerSize } = header;
  if (size < headerSize || size > largestFragment) {
    throw new MalformedMediaError(`ffmpeg wrote a box '${type}' of ${size} bytes.`);
  }
  return { type, body: await reader.need(size - headerSize) };
}
