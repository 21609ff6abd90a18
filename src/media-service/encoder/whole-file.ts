import type { BlobClient } from '@azure/storage-blob';
import { boxHeader, type BoxHeader } from '../boxes/boxes.ts';
import { MalformedMediaError } from '../boxes/malformed-media.ts';
import { finalError } from './encode-error.ts';
import type { InputFile } from './input-choice.ts';
import { storageFailure } from './input-relay.ts';

/** MP4 and MOV files have a handful of boxes at the top; fragmented ones thousands, which are not all looked at. */
const mostBoxes = 12;
/** A box header with a 64-bit size. */
const headerSize = 16;
/** What an MP4 or MOV file may start with (ISO/IEC 14496-12; QuickTime File Format). */
const firstBoxes = ['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide'];
/** What a film cannot do without; anything else after them may be what a camera or an editor left behind. */
const neededBoxes = ['ftyp', 'moov', 'mdat', 'moof'];

/**
 * Finds an MP4 or MOV file that is cut off before hours are spent on encoding what is left of it: a box says it goes
 * on after the end of the file. Reads a few bytes a box; other formats pass.
 * @throws EncodeError final; retriable when storage does not give the file
 */
export async function checkWhole(input: InputFile, signal: AbortSignal): Promise<void> {
  const blob = input.container.getBlobClient(input.name);
  for (let offset = 0, count = 0; offset + headerSize <= input.size && count < mostBoxes; count++) {
    const header = await readHeader(blob, offset, input, signal);
    // 0: the box goes on to the end of the file.
    if (header === undefined || header.size === 0) return;
    const { type, size } = header;
    if (count === 0 && !firstBoxes.includes(type)) return;
    offset += size;
    if (offset > input.size && neededBoxes.includes(type)) {
      throw finalError(
        'ErrorDownloadingInputAssetMalformedContent',
        `'${input.name}' is cut off: it has ${input.size} of at least ${offset} bytes. Upload the whole file.`,
      );
    }
  }
}

/** What stands at `offset`; undefined when it is no box. */
async function readHeader(
  blob: BlobClient,
  offset: number,
  input: InputFile,
  signal: AbortSignal,
): Promise<BoxHeader | undefined> {
  try {
    const bytes = await blob.downloadToBuffer(offset, headerSize, {
      conditions: { ifMatch: input.etag },
      abortSignal: signal,
    });
    return boxHeader(bytes, 0);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MalformedMediaError) return undefined;
    throw storageFailure(input, error);
  }
}
