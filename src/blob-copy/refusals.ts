import type { ContainerSasUrl } from './container-sas.ts';

/** Milliseconds; a firewall may be opened meanwhile. */
const remembered = 10 * 60_000;

/**
 * Between which storages copies on the service's side were refused although streaming worked: so that only the first of
 * thousands of blobs tries in vain. One may be shared by all copies of a process.
 */
export class ServerSideRefusals {
  readonly #until = new Map<string, number>();

  add(source: ContainerSasUrl, target: ContainerSasUrl): void {
    this.#until.set(between(source, target), Date.now() + remembered);
  }

  has(source: ContainerSasUrl, target: ContainerSasUrl): boolean {
    return Date.now() < (this.#until.get(between(source, target)) ?? 0);
  }
}

function between(source: ContainerSasUrl, target: ContainerSasUrl): string {
  return `${new URL(source).host} ${new URL(target).host}`;
}
