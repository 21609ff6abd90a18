import { boxesIn, findBox, needBox, reading, readLong, versionOf } from './boxes.ts';
import type { SampleDefaults } from './fragment.ts';
import { MalformedMediaError } from './malformed-media.ts';

/** What a fragmented file says of its track, however it is coded. Times are in ticks of `timescale`. */
export interface TrackHeader {
  readonly id: number;
  readonly timescale: number;
  /** `vide` or `soun` (ISO/IEC 14496-12, 8.4.3). */
  readonly handler: string;
  /** Presentation starts here in the decoding timeline: what is before is hidden by the edit list (AAC priming). */
  readonly presentationStart: number;
  readonly defaults: SampleDefaults;
}

/**
 * Reads the first track of a `moov`, given its body.
 * @throws MalformedMediaError
 */
export function readTrackHeader(moov: Buffer): TrackHeader {
  return reading('moov', () => {
    const track = needBox(moov, 'trak').body;
    const trackHeader = needBox(track, 'tkhd').body;
    const id = trackHeader.readUInt32BE(versionOf(trackHeader) === 1 ? 20 : 12);
    const mediaHeader = needBox(track, 'mdia', 'mdhd').body;
    const timescale = mediaHeader.readUInt32BE(versionOf(mediaHeader) === 1 ? 20 : 12);
    if (timescale === 0) throw new MalformedMediaError('The timescale is 0.');
    return {
      id,
      timescale,
      handler: needBox(track, 'mdia', 'hdlr').body.toString('latin1', 8, 12),
      presentationStart: readEdit(track, timescale, readMovieTimescale(moov)),
      defaults: readDefaults(needBox(moov, 'mvex').body, id),
    };
  });
}

function readDefaults(extension: Buffer, id: number): SampleDefaults {
  for (const { type, body } of boxesIn(extension)) {
    if (type !== 'trex' || body.readUInt32BE(4) !== id) continue;
    return { duration: body.readUInt32BE(12), size: body.readUInt32BE(16), flags: body.readUInt32BE(20) };
  }
  return { duration: 0, size: 0, flags: 0 };
}

function readMovieTimescale(moov: Buffer): number {
  const header = needBox(moov, 'mvhd').body;
  return header.readUInt32BE(versionOf(header) === 1 ? 20 : 12) || 1;
}

/** The edit list's shift: media time of the first real edit, less the empty edits before it. */
function readEdit(track: Buffer, timescale: number, movieTimescale: number): number {
  const list = findBox(track, 'edts', 'elst')?.body;
  if (list === undefined) return 0;
  const long = versionOf(list) === 1;
  const count = list.readUInt32BE(4);
  let delay = 0;
  for (let entry = 0, offset = 8; entry < count; entry += 1, offset += long ? 20 : 12) {
    const duration = long ? readLong(list, offset) : list.readUInt32BE(offset);
    const mediaTime = long ? Number(list.readBigInt64BE(offset + 8)) : list.readInt32BE(offset + 4);
    if (mediaTime >= 0) return mediaTime - delay;
    delay += Math.round((duration * timescale) / movieTimescale);
  }
  return -delay;
}
