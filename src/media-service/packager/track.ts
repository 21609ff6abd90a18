import { boxesIn, findBox, needBox, reading, type Box } from '../boxes/boxes.ts';
import { MalformedMediaError } from '../boxes/malformed-media.ts';
import { readTrackHeader, type TrackHeader } from '../boxes/track-header.ts';
import { UnsupportedMediaError } from './errors.ts';

export interface VideoConfiguration {
  readonly kind: 'video';
  /** RFC 6381, such as `avc1.64001f`. */
  readonly codecs: string;
  /** Pixels of the coded picture. */
  readonly width: number;
  readonly height: number;
  /** H.264 sequence and picture parameter sets, without start codes. */
  readonly parameterSets: readonly Buffer[];
}

export interface AudioConfiguration {
  readonly kind: 'audio';
  /** RFC 6381, such as `mp4a.40.2`. */
  readonly codecs: string;
  /** Hertz. */
  readonly sampleRate: number;
  readonly channels: number;
  /** MPEG-4 AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). */
  readonly specificConfig: Buffer;
}

/** The one track of a stored file, read from its `moov`. */
export interface Track extends TrackHeader {
  readonly configuration: VideoConfiguration | AudioConfiguration;
}

/**
 * Reads a `moov` box that holds one fragmented track.
 * @throws MalformedMediaError
 * @throws UnsupportedMediaError for plain MP4, several tracks, other codecs
 */
export function readTrack(moov: Box): Track {
  return reading('moov', () => {
    if (findBox(moov.body, 'mvex') === undefined) {
      throw new UnsupportedMediaError(
        'This is a plain MP4 (its moov has no mvex): only fragmented, single-track files are served. Encode the asset again.',
      );
    }
    const tracks = [...boxesIn(moov.body)].filter(({ type }) => type === 'trak');
    const [track] = tracks;
    if (track === undefined || tracks.length > 1) {
      throw new UnsupportedMediaError(`The file has ${tracks.length} tracks: only files of one are served.`);
    }
    const header = readTrackHeader(moov.body);
    const descriptions = needBox(track.body, 'mdia', 'minf', 'stbl', 'stsd').body;
    const [entry] = boxesIn(descriptions.subarray(8));
    if (entry === undefined) throw new MalformedMediaError('The track has no sample description.');
    return { ...header, configuration: readConfiguration(header.handler, entry) };
  });
}

function readConfiguration(handler: string, entry: Box): VideoConfiguration | AudioConfiguration {
  if (handler === 'vide' && (entry.type === 'avc1' || entry.type === 'avc3')) return readAvc(entry);
  if (handler === 'soun' && entry.type === 'mp4a') return readAac(entry);
  throw new UnsupportedMediaError(`The codec ${entry.type} (${handler}) is not served: only H.264 and AAC.`);
}

/** AVCSampleEntry and AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3). */
function readAvc(entry: Box): VideoConfiguration {
  const record = needBox(entry.body.subarray(78), 'avcC').body;
  const parameterSets: Buffer[] = [];
  let offset = 5;
  for (const mask of [0x1f, 0xff]) {
    const count = record.readUInt8(offset) & mask;
    offset += 1;
    for (let set = 0; set < count; set += 1) {
      const length = record.readUInt16BE(offset);
      if (offset + 2 + length > record.length) throw new MalformedMediaError('The avcC is cut short.');
      parameterSets.push(Buffer.from(record.subarray(offset + 2, offset + 2 + length)));
      offset += 2 + length;
    }
  }
  return {
    kind: 'video',
    codecs: `${entry.type}.${record.toString('hex', 1, 4)}`,
    width: entry.body.readUInt16BE(24),
    height: entry.body.readUInt16BE(26),
    parameterSets,
  };
}

/** MP4AudioSampleEntry and the ES descriptor in it (ISO/IEC 14496-14, 5.6; 14496-1, 7.2.6). */
function readAac(entry: Box): AudioConfiguration {
  const descriptor = needBox(entry.body.subarray(28), 'esds').body.subarray(4);
  const stream = readDescriptor(descriptor, 0x03);
  const streamFlags = stream.readUInt8(2);
  const skipped =
    3 +
    (streamFlags & 0x80 ? 2 : 0) +
    (streamFlags & 0x40 ? 1 + stream.readUInt8(3 + (streamFlags & 0x80 ? 2 : 0)) : 0) +
    (streamFlags & 0x20 ? 2 : 0);
  const decoder = readDescriptor(stream.subarray(skipped), 0x04);
  const objectType = decoder.readUInt8(0);
  if (objectType !== 0x40) {
    throw new UnsupportedMediaError(
      `Audio of object type 0x${objectType.toString(16)} is not served: only AAC.`,
    );
  }
  const specificConfig = Buffer.from(readDescriptor(decoder.subarray(13), 0x05));
  const bits = specificConfig.readUInt16BE(0);
  const audioObjectType = bits >> 11 === 31 ? 32 + ((bits >> 5) & 0x3f) : bits >> 11;
  return {
    kind: 'audio',
    codecs: `mp4a.40.${audioObjectType}`,
    sampleRate: entry.body.readUInt16BE(24),
    channels: entry.body.readUInt16BE(16),
    specificConfig,
  };
}

/** The body of the descriptor that `bytes` starts with; its length is coded in up to four bytes of seven bits. */
function readDescriptor(bytes: Buffer, tag: number): Buffer {
  if (bytes.readUInt8(0) !== tag) throw new MalformedMediaError(`The esds lacks descriptor ${tag}.`);
  let length = 0;
  let offset = 1;
  let more = true;
  while (more && offset < 5) {
    const byte = bytes.readUInt8(offset);
    length = length * 128 + (byte & 0x7f);
    more = (byte & 0x80) !== 0;
    offset += 1;
  }
  if (offset + length > bytes.length) throw new MalformedMediaError('The esds is cut short.');
  return bytes.subarray(offset, offset + length);
}
