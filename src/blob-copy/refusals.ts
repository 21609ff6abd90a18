import type { ContainerSasUrl } from './container-sas.ts';

/** Milliseconds; a firewall may be opened meanwhile. */
const remembered = 10 * 60_000;

/** The two operations: Copy Blob From URL for a whole blob, Put Block From URL for larger ones. A service may know only one. */
export type ServerSideOperation = 'whole' | 'blocks';

/**
 * Between which storages copies on the service's side were refused although streaming worked: so that only the first of
 * thousands of blobs tries in vain. One may be shared by all copies of a process.
 */
export class ServerSideRefusals {
  readonly #until = new Map<string, number>();

  add(operation: ServerSideOperation, source: ContainerSasUrl, target: ContainerSasUrl): void {
    this.#until.set(key(operation, source, target), Date.now() + remembered);
  }

  has(operation: ServerSideOperation, source: ContainerSasUrl, target: ContainerSasUrl): boolean {
    return Date.now() < (this.#until.get(key(operation, source, target)) ?? 0);
  }
}

function key(operation: ServerSideOperation, source: ContainerSasUrl, target: ContainerSasUrl): string {
  return `${operation} ${new URL(source).host} ${new URL(target).host}`;
}
