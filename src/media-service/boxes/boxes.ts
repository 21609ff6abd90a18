import { MalformedMediaError } from './malformed-media.ts';

/** A box of an ISO base media file (ISO/IEC 14496-12, 4.2). */
export interface Box {
  readonly type: string;
  /** Where the box starts in the bytes it was read from. */
  readonly start: number;
  /** One byte past its end. */
  readonly end: number;
  /** What follows the header; a view, not a copy. */
  readonly body: Buffer;
}

export interface BoxHeader {
  readonly type: string;
  /** Bytes of the header: 8, or 16 with a 64-bit size. */
  readonly headerSize: number;
  /** Bytes of the whole box; 0: to the end of the file. */
  readonly size: number;
}

/**
 * The header at `offset`; undefined when fewer bytes than a header are there.
 * @throws MalformedMediaError when the size is smaller than the header
 */
export function boxHeader(bytes: Buffer, offset: number): BoxHeader | undefined {
  if (bytes.length - offset < 8) return undefined;
  const type = bytes.toString('latin1', offset + 4, offset + 8);
  const size = bytes.readUInt32BE(offset);
  if (size !== 1) {
    if (size !== 0 && size < 8) throw new MalformedMediaError(`A box of ${size} bytes cannot be.`);
    return { type, size, headerSize: 8 };
  }
  if (bytes.length - offset < 16) return undefined;
  const large = Number(bytes.readBigUInt64BE(offset + 8));
  if (large < 16 || !Number.isSafeInteger(large)) {
    throw new MalformedMediaError(`A box of ${large} bytes cannot be.`);
  }
  return { type, size: large, headerSize: 16 };
}

/**
 * The boxes that fill `bytes`.
 * @throws MalformedMediaError when one does not fit
 */
export function* boxesIn(bytes: Buffer): Generator<Box> {
  let start = 0;
  while (start < bytes.length) {
    const header = boxHeader(bytes, start);
    const end = header === undefined || header.size === 0 ? bytes.length : start + header.size;
    if (header === undefined || end > bytes.length) {
      throw new MalformedMediaError(`A box ends beyond what holds it, at byte ${start}.`);
    }
    yield { type: header.type, start, end, body: bytes.subarray(start + header.headerSize, end) };
    start = end;
  }
}

/** The first box at the end of a path of types, such as `mdia`, `minf`, `stbl`. */
export function findBox(bytes: Buffer, ...path: readonly string[]): Box | undefined {
  const [type, ...rest] = path;
  for (const box of boxesIn(bytes)) {
    if (box.type === type) return rest.length === 0 ? box : findBox(box.body, ...rest);
  }
  return undefined;
}

/**
 * As `findBox`.
 * @throws MalformedMediaError when it is not there
 */
export function needBox(bytes: Buffer, ...path: readonly string[]): Box {
  const box = findBox(bytes, ...path);
  if (box === undefined) throw new MalformedMediaError(`The box ${path.join('/')} is missing.`);
  return box;
}

/** The version of a full box, given its body. */
export function versionOf(body: Buffer): number {
  return body.readUInt8(0);
}

/** The flags of a full box, given its body. */
export function flagsOf(body: Buffer): number {
  return body.readUIntBE(1, 3);
}

/**
 * A 64-bit field as a number.
 * @throws MalformedMediaError beyond 2^53
 */
export function readLong(body: Buffer, offset: number): number {
  const value = Number(body.readBigUInt64BE(offset));
  if (!Number.isSafeInteger(value)) throw new MalformedMediaError('A 64-bit field is beyond reason.');
  return value;
}

/**
 * Runs a reader of `what`; reading past the end of a box becomes an error of the media.
 * @throws MalformedMediaError
 */
export function reading<Result>(what: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new MalformedMediaError(`The ${what} is cut short.`);
    throw error;
  }
}

/** A box made of its parts. */
export function makeBox(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  const header = Buffer.alloc(8);
  header.writeUInt32BE(size, 0);
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, ...parts], size);
}

/** A full box: version and flags first. */
export function makeFullBox(
  type: string,
  version: number,
  flags: number,
  ...parts: readonly Uint8Array[]
): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(version, 0);
  head.writeUIntBE(flags, 1, 3);
  return makeBox(type, head, ...parts);
}

/** 32-bit fields, without sign. */
export function uint32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, at) => bytes.writeUInt32BE(value, at * 4));
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
