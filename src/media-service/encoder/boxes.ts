/** Boxes of the ISO base media file format (ISO/IEC 14496-12, 4.2): reading them from a buffer and writing them. */

export interface Box {
  readonly type: string;
  readonly body: Buffer;
}

/** A box is not what the standard says. */
export class MalformedBoxError extends Error {
  override readonly name = 'MalformedBoxError';
  readonly code = 'malformed-box';
}

/** The boxes that lie one after another in a buffer. 64-bit sizes are read too (`size` 1). */
export function* boxesIn(buffer: Buffer): Generator<Box> {
  let offset = 0;
  while (offset < buffer.length) {
    const { type, size, headerSize } = boxHeader(buffer, offset);
    if (size < headerSize || offset + size > buffer.length) {
      throw new MalformedBoxError(`Box '${type}' of ${size} bytes does not fit into its container.`);
    }
    yield { type, body: buffer.subarray(offset + headerSize, offset + size) };
    offset += size;
  }
}

/** Type and size (both in bytes, `size` with the header) of the box that starts at `offset`. */
export function boxHeader(
  buffer: Buffer,
  offset = 0,
): { readonly type: string; readonly size: number; readonly headerSize: number } {
  if (buffer.length < offset + 8) throw new MalformedBoxError('A box header is cut off.');
  const type = buffer.toString('latin1', offset + 4, offset + 8);
  const size = buffer.readUInt32BE(offset);
  if (size !== 1) return { type, size, headerSize: 8 };
  if (buffer.length < offset + 16) throw new MalformedBoxError('A box header is cut off.');
  return { type, size: Number(buffer.readBigUInt64BE(offset + 8)), headerSize: 16 };
}

/** The body of the first box along a path of types, e.g. `find(moov, 'trak', 'mdia', 'mdhd')`. */
export function find(buffer: Buffer, ...path: readonly string[]): Buffer | undefined {
  const [type, ...rest] = path;
  for (const box of boxesIn(buffer)) {
    if (box.type === type) return rest.length === 0 ? box.body : find(box.body, ...rest);
  }
  return undefined;
}

/** As {@link find}, for a box that has to be there. */
export function need(buffer: Buffer, ...path: readonly string[]): Buffer {
  const body = find(buffer, ...path);
  if (body === undefined) throw new MalformedBoxError(`There is no box ${path.join('/')}.`);
  return body;
}

export function writeBox(type: string, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(
    parts.reduce((sum, part) => sum + part.length, 8),
    0,
  );
  header.write(type, 4, 'latin1');
  return Buffer.concat([header, ...parts]);
}

/** A box with version and flags (ISO/IEC 14496-12, 4.2, FullBox). */
export function writeFullBox(
  type: string,
  version: number,
  flags: number,
  ...parts: readonly Buffer[]
): Buffer {
  return writeBox(type, uint32(version * 2 ** 24 + flags), ...parts);
}

export function uint32(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => buffer.writeUInt32BE(value, index * 4));
  return buffer;
}

export function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

export function uint64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer;
}
