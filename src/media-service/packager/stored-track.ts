import { boxHeader, type Box } from '../boxes/boxes.ts';
import { durationOf, isSync, presentationStart, readFragment } from '../boxes/fragment.ts';
import { MalformedMediaError } from '../boxes/malformed-media.ts';
import { UnsupportedMediaError } from './errors.ts';
import type { StoredTrack } from './presentation.ts';
import { maximumSegments, readSegmentIndex, type SegmentIndex } from './segment-index.ts';
import { readTrack, type Track } from './track.ts';

/** Reads exactly `count` bytes of a file from `offset`. */
export type ReadRange = (offset: number, count: number) => Promise<Buffer>;

/** One read of neighbours, bytes: holds `ftyp`, `moov`, `sidx` and the first `moof` of an hour and more. */
const windowSize = 64 * 1024;
/** One read after a leap over media, bytes: holds the head of a fragment. */
const leapSize = 4 * 1024;
/** A day of two-second segments has a `sidx` of 0.5 MB; what is beyond this is corrupt. */
const maximumBoxSize = 16 * 2 ** 20;

/** What was read last: boxes close to each other cost one read. */
class FileWindow {
  readonly #read: ReadRange;
  readonly #size: number;
  #start = 0;
  #ahead = windowSize;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(read: ReadRange, size: number) {
    this.#read = read;
    this.#size = size;
  }

  /** Bytes of the file; a view that is good until the next call. */
  async at(offset: number, count: number): Promise<Buffer> {
    const end = this.#start + this.#bytes.length;
    if (offset < this.#start || offset + count > end) {
      // Where boxes lie close together much is read at once; where media lie between, no more than the next head.
      const isNear = offset <= end + leapSize;
      this.#ahead = isNear ? Math.min(this.#ahead * 2, windowSize) : leapSize;
      this.#bytes = await this.#read(offset, Math.min(Math.max(count, this.#ahead), this.#size - offset));
      this.#start = offset;
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + count);
  }

  /** Where the box at `offset` ends and what it is. */
  async header(offset: number): Promise<{ type: string; end: number; headerSize: number }> {
    const header = boxHeader(await this.at(offset, Math.min(16, this.#size - offset)), 0);
    const end = header === undefined || header.size === 0 ? this.#size : offset + header.size;
    if (header === undefined || end > this.#size) {
      throw new MalformedMediaError(`The box at byte ${offset} ends beyond the file.`);
    }
    return { type: header.type, end, headerSize: header.headerSize };
  }

  /** The box from `offset` to `end`, whole. */
  async box(
    offset: number,
    { type, end, headerSize }: Awaited<ReturnType<FileWindow['header']>>,
  ): Promise<Box> {
    if (end - offset > maximumBoxSize) {
      throw new MalformedMediaError(`A ${type} of ${end - offset} bytes is beyond reason.`);
    }
    const bytes = await this.at(offset, end - offset);
    return { type, start: offset, end, body: bytes.subarray(headerSize) };
  }
}

/**
 * Reads the head of a stored CMAF track of `size` bytes: a few small ranges; the whole list of fragments only where no
 * `sidx` covers the file.
 * @throws MalformedMediaError
 * @throws UnsupportedMediaError
 */
export async function readStoredTrack(read: ReadRange, size: number): Promise<StoredTrack> {
  const file = new FileWindow(read, size);
  let found: { track: Track; end: number } | undefined;
  let index: SegmentIndex | undefined;
  let position = 0;
  let header = await file.header(position);
  while (header.type !== 'moof') {
    if (header.type === 'mdat') {
      throw new UnsupportedMediaError('The file is no fragmented MP4: its media comes before any fragment.');
    }
    if (header.type === 'moov') {
      found = { track: readTrack(await file.box(position, header)), end: header.end };
    } else if (header.type === 'sidx') {
      index ??= readSegmentIndex(await file.box(position, header));
    }
    position = header.end;
    if (position >= size) throw new MalformedMediaError('The file has no fragments.');
    header = await file.header(position);
  }
  if (found === undefined) throw new MalformedMediaError('The file has no moov before its fragments.');
  const { track, end } = found;
  const first = readFragment(await file.box(position, header), track.defaults);
  const covers = index?.offsets.at(-1) === size && (index.offsets[0] ?? 0) >= end;
  return {
    track,
    index: index !== undefined && covers ? index : await walkFragments(file, track, position, size),
    initialization: Buffer.from(await file.at(0, end)),
    firstDurations: first.samples.map(({ duration }) => duration),
  };
}

/** Makes the index of a file that has none, from its fragments' heads. */
async function walkFragments(
  file: FileWindow,
  track: Track,
  from: number,
  size: number,
): Promise<SegmentIndex> {
  const times: number[] = [];
  const offsets: number[] = [];
  let mediaEnd = from;
  let presentationEnd = 0;
  for (let position = from; position < size;) {
    const header = await file.header(position);
    if (header.type === 'moof') {
      const fragment = readFragment(await file.box(position, header), track.defaults);
      const [first] = fragment.samples;
      // A chunk of a segment starts in the midst of a group of pictures: no player can start there.
      if (first !== undefined && (isSync(first) || times.length === 0)) {
        times.push(Math.max(presentationStart(fragment) - track.presentationStart, 0));
        offsets.push(mediaEnd);
      }
      presentationEnd = presentationStart(fragment) + durationOf(fragment) - track.presentationStart;
    } else if (header.type === 'mdat') {
      mediaEnd = header.end;
    }
    if (times.length > maximumSegments) throw new MalformedMediaError('The file has too many fragments.');
    position = header.end;
  }
  const index = {
    timescale: track.timescale,
    times: Float64Array.from([...times, presentationEnd]),
    offsets: Float64Array.from([...offsets, mediaEnd]),
  };
  if (index.times.some((time, at) => at > 0 && time <= (index.times[at - 1] ?? 0))) {
    throw new MalformedMediaError('The fragments are not in the order of their times.');
  }
  return index;
}
