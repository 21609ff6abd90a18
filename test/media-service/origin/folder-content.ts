import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AssetId } from '../../../src/media-service/model.ts';
import {
  BlobChangedError,
  type PublishedBlob,
  type PublishedContent,
} from '../../../src/media-service/origin/published-content.ts';

export const locatorGuid = '0f4b5f6c-7a53-4c4e-9d58-1a2b3c4d5e6f';
const assetId = 'nb:cid:UUID:11111111-2222-3333-4444-555555555555' as AssetId;

/** A store whose one published asset is a folder; its fields may be changed in the midst of a test. */
export class FolderContent implements PublishedContent {
  readonly folder: string;
  state: Awaited<ReturnType<PublishedContent['endpointState']>> = 'Running';
  expires = new Date('2100-01-01');
  withMd5 = true;
  /** Every read of a blob's bytes. */
  reads: { readonly name: string; readonly offset: number; readonly count: number }[] = [];
  /** Called before each read: may throw or wait. */
  beforeRead: (name: string, signal: AbortSignal) => Promise<void> = async () => undefined;

  constructor(folder: string) {
    this.folder = folder;
  }

  async endpointState(): ReturnType<PublishedContent['endpointState']> {
    return this.state;
  }

  async find(guid: string): ReturnType<PublishedContent['find']> {
    if (guid !== locatorGuid || this.expires <= new Date()) return undefined;
    const names = await readdir(this.folder);
    return { assetId, primaryFile: names.find((name) => name.endsWith('.ism')), expires: this.expires };
  }

  async list(): Promise<readonly PublishedBlob[]> {
    const names = await readdir(this.folder);
    return Promise.all(names.sort().map(async (name) => (await this.#head(name))!));
  }

  async #head(name: string): Promise<PublishedBlob | undefined> {
    const file = join(this.folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found === undefined) return undefined;
    const md5 = createHash('md5')
      .update(await readFile(file))
      .digest('hex');
    return { name, size: found.size, md5: this.withMd5 ? md5 : undefined, etag: `"${found.mtimeMs}-${md5}"` };
  }

  async read(
    _asset: AssetId,
    name: string,
    { offset, count, etag }: { offset: number; count: number; etag: string },
    signal: AbortSignal,
  ): Promise<NodeJS.ReadableStream> {
    this.reads.push({ name, offset, count });
    await this.beforeRead(name, signal);
    if ((await this.#head(name))?.etag !== etag) throw new BlobChangedError('The blob has changed.');
    return createReadStream(join(this.folder, name), { start: offset, end: offset + count - 1, signal });
  }

  async sample(): Promise<readonly string[]> {
    return [locatorGuid];
  }
}
