import { randomUUID } from 'node:crypto';
import type { ContainerClient } from '@azure/storage-blob';

/** UTF-16 code units: a string property holds 64 KiB (Understanding the Table service data model). */
const columnLength = 32_000;

type Row = Readonly<Record<string, unknown>>;

/**
 * Text of any length in a table row: short text in columns of its own, long text in a blob that the row names. A blob
 * is written before the row that names it, and belongs to its instance: purging the instance deletes it.
 */
export class TextColumns {
  readonly #payloads: ContainerClient;

  constructor(payloads: ContainerClient) {
    this.#payloads = payloads;
  }

  /**
   * The columns that stand for a text in an instance's row.
   * @param columns how many the row can spare; what needs more goes to a blob
   */
  async write(
    instanceId: string,
    name: string,
    text: string | null,
    columns = 1,
  ): Promise<Record<string, string | number>> {
    if (text === null) return { [`${name}Columns`]: -1 };
    const count = Math.ceil(text.length / columnLength);
    if (count <= columns) {
      const parts = Array.from({ length: count }, (_, index): [string, string] => [
        `${name}${index}`,
        text.slice(index * columnLength, (index + 1) * columnLength),
      ]);
      return { ...Object.fromEntries(parts), [`${name}Columns`]: count };
    }
    const blob = `${encodeURIComponent(instanceId)}/${randomUUID()}`;
    const bytes = Buffer.from(text);
    await this.#payloads.getBlockBlobClient(blob).uploadData(bytes);
    return { [`${name}Columns`]: -2, [TextColumns.blobColumn(name)]: blob };
  }

  async read(row: Row, name: string): Promise<string | null> {
    const count = row[`${name}Columns`];
    if (typeof count !== 'number' || count === -1) return null;
    if (count === -2) {
      const bytes = await this.#payloads
        .getBlockBlobClient(String(row[TextColumns.blobColumn(name)]))
        .downloadToBuffer();
      return bytes.toString('utf8');
    }
    return Array.from({ length: count }, (_, index) => String(row[`${name}${index}`])).join('');
  }

  /** The column that names the blob of a long text. */
  static blobColumn(name: string): string {
    return `${name}Blob`;
  }

  /** Deletes the blob of a text whose row goes. */
  async forget(row: Row, name: string): Promise<void> {
    const blob = row[TextColumns.blobColumn(name)];
    if (typeof blob === 'string') await this.#payloads.getBlockBlobClient(blob).deleteIfExists();
  }

  /** Deletes every blob of an instance. */
  async purge(instanceId: string): Promise<void> {
    const prefix = `${encodeURIComponent(instanceId)}/`;
    for await (const blob of this.#payloads.listBlobsFlat({ prefix })) {
      await this.#payloads.getBlockBlobClient(blob.name).deleteIfExists();
    }
  }
}
