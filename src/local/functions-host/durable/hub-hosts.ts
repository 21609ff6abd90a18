import type { TableClient } from '@azure/data-tables';
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { messageOf } from '../../../message-of.ts';
import { hasStatus } from './hub-storage.ts';

interface HostRow {
  readonly machine?: string;
  readonly pid?: number;
  readonly renewedAt?: Date;
}

const partitionKey = 'host';
/** Milliseconds. */
const heartbeat = 5000;

/**
 * The hosts of a hub: each gives a sign of life while it runs. What a host holds (instances, activities) is free again
 * once the host is gone: its row is deleted, its process on this machine has ended, or it has not been heard of for the
 * lease's time. A host that was only slow loses what it held too: everything it writes is decided by ETags.
 */
export class HubHosts {
  readonly id = randomUUID();
  readonly #table: TableClient;
  readonly #log: Logger;
  readonly #machine = machineId();
  #known = new Map<string, HostRow>();
  #timer: NodeJS.Timeout | undefined;

  constructor(table: TableClient, log: Logger) {
    this.#table = table;
    this.#log = log;
  }

  async join(): Promise<void> {
    await this.#signOfLife();
    await this.refresh();
    this.#timer = setInterval(() => {
      this.#signOfLife().catch((error: unknown) => {
        this.#log.warn({ error: messageOf(error) }, 'The sign of life of this host could not be written');
      });
    }, heartbeat);
  }

  /** Everything this host still holds is free from now on. */
  async leave(): Promise<void> {
    clearInterval(this.#timer);
    await this.#deleteRow(this.id);
  }

  /** Reads who is there. */
  async refresh(): Promise<void> {
    const known = new Map<string, HostRow>();
    const queryOptions = { filter: `PartitionKey eq '${partitionKey}'` };
    for await (const row of this.#table.listEntities<HostRow & Record<string, unknown>>({ queryOptions })) {
      known.set(row.rowKey ?? '', row);
    }
    this.#known = known;
  }

  /** Whether a host still holds what it took, for a lease in milliseconds. Uses what `refresh` has read. */
  holds(host: string, lease: number): boolean {
    if (host === this.id) return true;
    const row = this.#known.get(host);
    return row !== undefined && this.#isAlive(row, lease);
  }

  /** Whether there is another live host in the hub. */
  hasCompany(lease: number): boolean {
    return [...this.#known].some(([host, row]) => host !== this.id && this.#isAlive(row, lease));
  }

  /** Deletes the rows of hosts that are gone. */
  async forgetTheDead(lease: number): Promise<void> {
    for (const [host, row] of this.#known) {
      if (host === this.id || this.#isAlive(row, lease)) continue;
      await this.#deleteRow(host);
    }
  }

  /** A host that was thought dead for a while finds its own row gone. */
  async #deleteRow(host: string): Promise<void> {
    await this.#table.deleteEntity(partitionKey, host).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
  }

  #isAlive({ machine, pid, renewedAt }: HostRow, lease: number): boolean {
    if (renewedAt === undefined || Date.now() - new Date(renewedAt).getTime() > lease) return false;
    return machine !== this.#machine || pid === undefined || processExists(pid);
  }

  async #signOfLife(): Promise<void> {
    const row = {
      partitionKey,
      rowKey: this.id,
      machine: this.#machine,
      pid: process.pid,
      renewedAt: new Date(),
    };
    await this.#table.upsertEntity(row, 'Replace');
  }
}

/** Names what process ids count for: this boot of this machine, and the container in it. */
function machineId(): string {
  const read = (how: () => string): string => {
    try {
      return how().trim();
    } catch {
      return '';
    }
  };
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const container = read(() => readlinkSync('/proc/self/ns/pid'));
  return [hostname(), boot, container].join(' ');
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and is somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
