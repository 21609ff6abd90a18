import type { BlobClient } from '@azure/storage-blob';
import { BlobCopyError } from './errors.ts';
import { passes, wait, watched, type RequestOptions, type Watch } from './requests.ts';

export interface Range {
  readonly offset: number;
  readonly count: number;
}

/** A connection that breaks again within so many bytes has not come any further. */
const worthwhile = 64 * 1024;

/**
 * Reads a range of one version of a blob, in order, going on at the byte where a connection broke or stood still.
 * @throws BlobCopyError `source-changed` when the blob is no longer that version
 */
export async function readRange(
  blob: BlobClient,
  range: Range & { readonly etag: string },
  options: RequestOptions,
  onBytes: (bytes: Buffer) => void,
): Promise<void> {
  let done = 0;
  for (let retry = 0; done < range.count;) {
    const before = done;
    try {
      await watched(options, async (watch) => {
        const rest = { offset: range.offset + done, count: range.count - done, etag: range.etag };
        await readOnce(blob, rest, options, watch, (bytes) => {
          done += bytes.length;
          onBytes(bytes);
        });
      });
    } catch (error) {
      retry = done - before >= worthwhile ? 0 : retry + 1;
      if (!passes(error) || retry > options.limits.retries) throw error;
      await wait(options, retry === 0 ? 0 : retry - 1);
    }
  }
}

async function readOnce(
  blob: BlobClient,
  range: Range & { readonly etag: string },
  options: RequestOptions,
  watch: Watch,
  onBytes: (bytes: Buffer) => void,
): Promise<void> {
  const response = await blob.download(range.offset, range.count, {
    conditions: { ifMatch: range.etag },
    abortSignal: watch.signal,
  });
  watch.progressed();
  let left = range.count;
  for await (const bytes of (response.readableStreamBody ?? []) as AsyncIterable<Buffer>) {
    // Given up on meanwhile: another attempt delivers from here.
    if (watch.signal.aborted) return;
    left -= bytes.length;
    if (left < 0) break;
    watch.progressed();
    onBytes(bytes);
  }
  if (left !== 0) {
    const message = `${options.doing} failed at the ${options.side}: the body has another length than asked for`;
    throw new BlobCopyError({ code: 'network', side: options.side, message });
  }
}
